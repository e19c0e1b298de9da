import cluster from 'node:cluster';
import { parseArgs } from 'node:util';
import Fastify from 'fastify';
import { loadKeys, verifyCode } from './verify.js';

const BODY = {
  type: 'object',
  required: ['code'],
  properties: { code: { type: 'string', maxLength: 3000 } },
};

const RESULT = {
  type: 'object',
  properties: {
    1: { type: 'string' },
    2: { type: 'string' },
    3: { type: 'integer' },
    4: { type: 'array', items: { type: 'integer' } },
    6: { type: 'integer' },
    7: {},
  },
};

const CLAIMS = {
  type: 'object',
  properties: {
    1: { type: 'string' },
    4: { type: 'integer' },
    6: { type: 'integer' },
    '-65537': RESULT,
  },
};

const RESPONSE = {
  200: { type: 'object', properties: { ok: { type: 'boolean' }, claims: CLAIMS } },
  422: { type: 'object', properties: { ok: { type: 'boolean' } } },
};

/** Serves on the loopback address, with an answer's form declared so that Fastify compiles its serialisation. */
async function serve(port, keysPath) {
  const keys = loadKeys(keysPath);
  const app = Fastify();
  app.get('/health', async () => ({ ok: true }));
  app.post('/verify', { schema: { body: BODY, response: RESPONSE } }, async (request, reply) => {
    try {
      return { ok: true, claims: await verifyCode(request.body.code, keys) };
    } catch {
      reply.code(422);
      return { ok: false };
    }
  });
  await app.listen({ host: '127.0.0.1', port });
}

const { values } = parseArgs({
  options: {
    port: { type: 'string' },
    keys: { type: 'string' },
    workers: { type: 'string', default: '2' },
  },
});

if (cluster.isPrimary) {
  for (let i = 0; i < Number(values.workers); i += 1) cluster.fork();
  cluster.on('exit', (worker, code) => process.exit(code ?? 1));
} else {
  await serve(Number(values.port), values.keys);
}
