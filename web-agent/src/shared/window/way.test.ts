import { describe, expect, it } from 'vitest';
import { LOOK_MS, STRAIGHT_MS, answerOf, findWay, type WindowCheck } from './way';

const check: WindowCheck = {
  type: 'window_check',
  probe: { address: '192.0.2.1', port: 4000, ufrag: 'waylook0000003c01020304', password: 'secret of the probe' },
  iceServers: [{ urls: ['turn:192.0.2.2:3478?transport=tcp'], username: '60:pt_1', credential: 'x' }],
  policy: 'all',
};

/** A browser in which each kind of way stands from its time on, and how often a connection was left open. */
function world(stands: Record<string, number>) {
  let now = 0;
  let open = 0;
  const given: RTCConfiguration[] = [];
  const remote: string[] = [];
  const connection = (configuration: RTCConfiguration) => {
    given.push(configuration);
    open += 1;
    return {
      createDataChannel: () => ({}),
      createOffer: async () => ({ type: 'offer', sdp: 'v=0\r\na=mid:data\r\n' }),
      setLocalDescription: async () => {},
      setRemoteDescription: async ({ sdp }: { sdp: string }) => void remote.push(sdp),
      getStats: async () =>
        Object.entries(stands).flatMap(([kind, at]) => [
          { id: `l-${kind}`, type: 'local-candidate', candidateType: kind },
          {
            id: `p-${kind}`,
            type: 'candidate-pair',
            localCandidateId: `l-${kind}`,
            state: now >= at ? 'succeeded' : 'in-progress',
          },
        ]),
      close: () => void (open -= 1),
    } as unknown as RTCPeerConnection;
  };
  const environment = { connection, now: () => now, pause: async (ms: number) => void (now += ms) };
  return { environment, given, remote, passed: () => now, left: () => open };
}

describe('the way to the media port', () => {
  it.each(['host', 'srflx', 'prflx'])('is straight when a pair of %s stands', async (kind) => {
    const { environment, given, remote, left } = world({ [kind]: 400 });
    expect(await findWay(check, environment)).toBe('straight');
    expect(given[0]).toEqual({ iceServers: check.iceServers, iceTransportPolicy: 'all' });
    expect(remote[0]).toContain('a=mid:data\r\n');
    expect(left()).toBe(0);
  });

  it(`is relayed when nothing else stands ${STRAIGHT_MS} ms after the relay`, async () => {
    const one = world({ relay: 600, host: 600 + STRAIGHT_MS + 200 });
    expect(await findWay(check, one.environment)).toBe('relayed');
    expect(one.passed()).toBe(600 + STRAIGHT_MS);
    const other = world({ relay: 600, host: 600 + STRAIGHT_MS });
    expect(await findWay(check, other.environment)).toBe('straight');
  });

  it('is relayed at once where nothing else may be', async () => {
    const { environment, given, passed } = world({ relay: 600 });
    expect(await findWay({ ...check, policy: 'relay' }, environment)).toBe('relayed');
    expect([passed(), given[0]!.iceTransportPolicy]).toEqual([600, 'relay']);
  });

  it(`is none when nothing stands after ${LOOK_MS} ms, and the connection is closed`, async () => {
    const { environment, passed, left } = world({ host: LOOK_MS + 1, relay: LOOK_MS + 1 });
    expect(await findWay(check, environment)).toBe('none');
    expect([passed(), left()]).toEqual([LOOK_MS, 0]);
  });

  it('leaves no connection behind that failed', async () => {
    const { environment, left } = world({});
    const failing = (configuration: RTCConfiguration) =>
      Object.assign(environment.connection(configuration), { createOffer: () => Promise.reject(new Error('no')) });
    await expect(findWay(check, { ...environment, connection: failing })).rejects.toThrow('no');
    expect(left()).toBe(0);
  });

  it('asks the peer that the server named', () => {
    const answer = answerOf('a=mid:0', check.probe);
    expect(answer).toContain('a=ice-ufrag:waylook0000003c01020304\r\na=ice-pwd:secret of the probe\r\n');
    expect(answer).toContain('a=candidate:1 1 udp 2130706431 192.0.2.1 4000 typ host\r\n');
  });
});
