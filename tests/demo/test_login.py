"""The people of the demonstration log in, in a real browser, at its identity provider."""

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, sync_playwright

from demo.launching import Demo

Json = dict[str, Any]


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        executable = shutil.which("chromium") or playwright.chromium.executable_path
        if not os.access(executable, os.X_OK):
            pytest.skip("needs chromium")
        browser = playwright.chromium.launch(
            executable_path=executable,
            args=["--disable-background-networking"] + ["--no-sandbox"] * (os.geteuid() == 0),
        )
        yield browser.new_page()
        browser.close()


def log_in(page: Page, demo: Demo, who: str) -> Json:
    """Log in and answer who one is then."""
    page.goto(f"{demo.origin}/account")
    if page.get_by_role("button", name="Đăng xuất", exact=True).count():
        page.get_by_role("button", name="Đăng xuất", exact=True).click()
    page.get_by_role("link", name="Đăng nhập bằng tài khoản định danh").click()
    page.get_by_role("button", name=who, exact=True).click()
    page.wait_for_url(f"{demo.origin}/account")
    return ask(page, "/api/v1/me")


def ask(page: Page, path: str) -> Json:
    """What a script of our own page gets."""
    found: Json = page.evaluate("path => fetch(path).then(answer => answer.json())", path)
    return found


def test_each_comes_with_what_is_his(demo: Demo, page: Page) -> None:
    citizen = log_in(page, demo, "cong-dan.thinh")
    assert citizen["scopes"] == ["vault:read"]
    assert ask(page, "/api/v1/vault/results")["items"], "his papers are there"
    assert page.evaluate("document.cookie") == "", "no script sees the session"

    officer = log_in(page, demo, "can-bo.hai-chau")
    assert (officer["name"], officer["agency"]["agency_code"]) == ("Lê Thị Thu Hà", "H17.05.12")
    assert "credentials:issue" in officer["scopes"]

    log_in(page, demo, "thanh-tra.da-nang")
    page.select_option("#agency_code", "H17.05.12")
    page.get_by_role("button", name="Chọn", exact=True).click()
    page.get_by_text("Đang làm việc cho").wait_for()
    inspector = ask(page, "/api/v1/me")
    assert "inspect" in inspector["scopes"]
    assert "credentials:issue" not in inspector["scopes"]

    administrator = log_in(page, demo, "quan-tri.he-thong")
    assert len(administrator["agencies"]) > 90
