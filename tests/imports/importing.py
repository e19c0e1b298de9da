"""The program the kill test kills: carries out one import as the worker would, without its queue.

usage: importing.py DATABASE_URL KEYS_DIR IMPORT_ID
"""

import asyncio
import sys
from pathlib import Path
from uuid import UUID

from khoso.config import Config
from khoso.imports.running import run_import
from khoso.wiring import open_services, utc_now


async def main() -> None:
    url, keys, import_id = sys.argv[1:]
    async with open_services(Config(database_url=url, keys_dir=Path(keys))) as services:
        await run_import(services.pool, services.bulk, UUID(import_id), utc_now, chunk_rows=50)


if __name__ == "__main__":
    asyncio.run(main())
