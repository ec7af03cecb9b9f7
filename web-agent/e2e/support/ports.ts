import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

/**
 * Below the ports that the system gives to whoever asks for any (Linux: from 32 768), so that no connection takes one away
 * between the question and its use; above those of the server's telephone legs (to 23 999). Each worker has 500 of its own.
 */
const FIRST = 24_000;
const BLOCK = 500;
const begin = FIRST + Number(process.env.TEST_PARALLEL_INDEX ?? 0) * BLOCK;
let taken = 0;

const isFree = async (port: number) => {
  const listener = createServer();
  const byTcp = await new Promise<boolean>((resolve) => {
    listener.on('error', () => resolve(false));
    listener.listen(port, '127.0.0.1', () => listener.close(() => resolve(true)));
  });
  const socket = createSocket('udp4');
  const byUdp = await new Promise<boolean>((resolve) => {
    socket.on('error', () => resolve(false));
    socket.bind(port, '127.0.0.1', () => socket.close(() => resolve(true)));
  });
  return byTcp && byUdp;
};

/** An even port of this machine that is free by UDP and TCP, as is the next (`baresip` takes that for TLS). */
export async function freePort(): Promise<number> {
  for (let tried = 0; tried < BLOCK; tried += 2) {
    const port = begin + (taken % BLOCK);
    taken += 2;
    if ((await isFree(port)) && (await isFree(port + 1))) return port;
  }
  throw new Error(`of the ports from ${begin} no two are free`);
}

/** An address at which a server may listen that has to be known before it does. */
export const freeAddress = async () => `127.0.0.1:${await freePort()}`;
