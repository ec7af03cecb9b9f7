/**
 * Before one sits down: will pictures and voices come through, and by which way? The server names a peer at its media port
 * that answers connectivity checks and nothing else (`check_window`, docs/windows.md "Before one goes in"). A connection
 * without media is made to it, and looked at until it stands or the time is over. Whatever it needs of the browser comes in
 * by `WayEnvironment`, so that tests own connections and time.
 */
import type { Answer } from '../../generated/protocol';

/** Straight to the server; only through a relay; not at all. */
export type Way = 'straight' | 'relayed' | 'none';

export type WindowCheck = Extract<Answer, { type: 'window_check' }>;

export interface WayEnvironment {
  connection: (configuration: RTCConfiguration) => RTCPeerConnection;
  /** Monotonic, in ms. */
  now: () => number;
  pause: (ms: number) => Promise<void>;
}

/** Nobody waits longer to be told that there is no way. A relay behind TCP and TLS takes a few round trips. */
export const LOOK_MS = 6_000;
/** The relay stands first sometimes: so much longer the straight way has. */
export const STRAIGHT_MS = 1_000;
/** So often the connection is looked at. */
const STEP_MS = 200;

const browser: WayEnvironment = {
  connection: (configuration) => new RTCPeerConnection(configuration),
  now: () => performance.now(),
  pause: (ms) => new Promise((resolve) => window.setTimeout(resolve, ms)),
};

export async function findWay(
  { probe, iceServers, policy }: WindowCheck,
  environment: WayEnvironment = browser,
): Promise<Way> {
  const connection = environment.connection({
    iceServers: iceServers.map((one) => ({ ...one })),
    iceTransportPolicy: policy,
  });
  try {
    connection.createDataChannel('way');
    const offer = await connection.createOffer();
    await connection.setLocalDescription(offer);
    await connection.setRemoteDescription({ type: 'answer', sdp: answerOf(offer.sdp ?? '', probe) });
    const began = environment.now();
    let relayedAt: number | null = null;
    for (;;) {
      const now = environment.now();
      const ways = await standing(connection);
      if (ways.some((kind) => kind !== 'relay')) return 'straight';
      if (ways.length > 0) relayedAt ??= now;
      if (relayedAt !== null && (policy === 'relay' || now - relayedAt >= STRAIGHT_MS)) return 'relayed';
      if (now - began >= LOOK_MS) return 'none';
      await environment.pause(STEP_MS);
    }
  } finally {
    connection.close();
  }
}

interface Report {
  id: string;
  type: string;
  state?: string;
  localCandidateId?: string;
  candidateType?: string;
}

/** Kinds of our side's candidates of all pairs on which the peer has answered. */
async function standing(connection: RTCPeerConnection): Promise<string[]> {
  const reports = new Map<string, Report>();
  (await connection.getStats()).forEach((one: Report) => reports.set(one.id, one));
  return [...reports.values()]
    .filter(({ type, state }) => type === 'candidate-pair' && state === 'succeeded')
    .map(({ localCandidateId }) => reports.get(localCandidateId ?? '')?.candidateType ?? 'host');
}

/**
 * What the peer would answer to our offer. It never begins to encrypt (`setup:active`), so its fingerprint is nobody's.
 */
export function answerOf(offer: string, { address, port, ufrag, password }: WindowCheck['probe']): string {
  const mid = /^a=mid:(\S+)/m.exec(offer)?.[1] ?? '0';
  const lines = [
    'v=0',
    'o=- 1 1 IN IP4 0.0.0.0',
    's=-',
    't=0 0',
    'a=ice-lite',
    `a=group:BUNDLE ${mid}`,
    'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
    'c=IN IP4 0.0.0.0',
    `a=mid:${mid}`,
    `a=ice-ufrag:${ufrag}`,
    `a=ice-pwd:${password}`,
    `a=fingerprint:sha-256 ${Array(32).fill('00').join(':')}`,
    'a=setup:active',
    'a=sctp-port:5000',
    `a=candidate:1 1 udp 2130706431 ${address} ${port} typ host`,
    'a=end-of-candidates',
  ];
  return `${lines.join('\r\n')}\r\n`;
}
