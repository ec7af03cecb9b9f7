// @vitest-environment happy-dom
import { nextTick, ref } from 'vue';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Answer, Command, EventBody, SeatView, WindowView } from '../../generated/protocol';
import { RequestError, type Subscription } from '../link';
import { SPEAK_MS } from './ink';
import { createRoom, type Room, type WindowPort } from './room';

const settle = async () => {
  for (let turn = 0; turn < 40; turn++) await Promise.resolve();
  await nextTick();
};

class FakeTrack extends EventTarget {
  enabled = true;
  isStopped = false;
  constructor(readonly kind: string) {
    super();
  }
  stop = () => void (this.isStopped = true);
}

const stream = (tracks: FakeTrack[]) => ({
  getAudioTracks: () => tracks.filter((one) => one.kind === 'audio'),
  getVideoTracks: () => tracks.filter((one) => one.kind === 'video'),
});

/** A connection that comes up when told to; what it sends stands in `sent`. */
class FakeConnection {
  sent: unknown[] = [];
  connectionState = 'new';
  onconnectionstatechange: (() => void) | null = null;
  localDescription = { sdp: 'offer' };
  isClosed = false;
  addTransceiver(what: unknown) {
    const at = this.sent.push(typeof what === 'string' ? null : what) - 1;
    return { mid: `${at}`, sender: { replaceTrack: async (track: unknown) => void (this.sent[at] = track) } };
  }
  getTransceivers = () => [];
  createOffer = async () => ({});
  setLocalDescription = async () => {};
  setRemoteDescription = async () => {};
  close = () => void (this.isClosed = true);
  up() {
    this.connectionState = 'connected';
    this.onconnectionstatechange?.();
  }
}

const mine = (more: Partial<SeatView> = {}): SeatView => ({
  participant: 'pa_me',
  seat: 'citizen',
  name: '',
  isMe: true,
  isAway: false,
  media: [],
  ...more,
});

function viewOf(more: Partial<WindowView> = {}): WindowView {
  return {
    window: 'wn_1',
    conversation: 'cv_1',
    version: (version += 1),
    state: 'asked',
    origin: 'conversation',
    askedBy: 'agent',
    agentAgrees: true,
    consents: [],
    texts: [
      { purpose: 'window', id: 'window', version: 3, zh: '同意', en: 'I agree' },
      { purpose: 'screen', id: 'screen', version: 2, zh: '同意', en: 'I agree' },
    ],
    agent: { id: 'ag_1', name: '李敏' },
    seats: [],
    inCall: false,
    picture: 0,
    isFrozen: false,
    isBrowsing: false,
    proposals: [],
    ...more,
  };
}
const agreed = { consents: [{ purpose: 'window' as const, version: 3, at: 1 }] };

let version = 0;
let asked: Command[];
let refusals: Partial<Record<Command['type'], RequestError>>;
let topic: Subscription;
let tell: (body: EventBody) => void;
let isOpen: ReturnType<typeof ref<boolean>>;
let connections: FakeConnection[];
let opened: FakeTrack[];
let kept: Map<string, string>;
let room: Room;
let stopped: number;

const types = () => asked.map((one) => one.type);
const published = () =>
  asked.flatMap((one) => (one.type === 'publish' ? [`${one.medium} ${one.on ? 'on' : 'off'}`] : []));
const show = (view: Partial<WindowView>) => topic.event({ type: 'window', view: viewOf(view) }, undefined);

function enter(seat: Parameters<typeof createRoom>[0]['seat'] = 'citizen') {
  const port: WindowPort = {
    request: async (command) => {
      asked.push(command);
      const error = refusals[command.type];
      if (error) throw error;
      if (command.type === 'take_seat')
        return { type: 'seated', participant: 'pa_me', resumed: false, iceServers: [], policy: 'all' } as Answer;
      if (command.type === 'check_window')
        return {
          type: 'window_check',
          probe: { address: '192.0.2.1', port: 9, ufrag: 'u', password: 'p' },
          iceServers: [],
          policy: 'all',
        } as Answer;
      if (command.type === 'connect_window') return { type: 'window_answer', sdp: 'answer' } as Answer;
      return { type: 'done' } as Answer;
    },
    subscribe: (_, subscription) => {
      topic = subscription;
      return () => void (stopped += 1);
    },
    listenSession: (listener) => {
      tell = listener;
      return () => void (stopped += 1);
    },
    isOpen: isOpen as WindowPort['isOpen'],
    token: () => 'token',
    now: () => 1_000,
  };
  room = createRoom({
    port,
    window: 'wn_1',
    seat,
    session: {
      getItem: (key) => kept.get(key) ?? null,
      setItem: (key, to) => void kept.set(key, to),
      removeItem: (key) => void kept.delete(key),
    },
    devices: {
      media: {
        getUserMedia: async ({ audio, video }: MediaStreamConstraints) => {
          const tracks = [...(audio ? [new FakeTrack('audio')] : []), ...(video ? [new FakeTrack('video')] : [])];
          opened.push(...tracks);
          return stream(tracks);
        },
        getDisplayMedia: async () => {
          const track = new FakeTrack('video');
          opened.push(track);
          return stream([track]);
        },
      } as unknown as MediaDevices,
      isSecure: true,
      hasConnections: true,
      storage: null,
    },
    peers: {
      connection: () => {
        const made = new FakeConnection();
        connections.push(made);
        return made as unknown as RTCPeerConnection;
      },
      setTimeout: () => 1,
      clearTimeout: () => {},
    },
    ways: {
      connection: () =>
        ({
          createDataChannel: () => ({}),
          createOffer: async () => ({ sdp: 'a=mid:0' }),
          setLocalDescription: async () => {},
          setRemoteDescription: async () => {},
          getStats: async () => [
            { id: 'l', type: 'local-candidate', candidateType: 'host' },
            { id: 'p', type: 'candidate-pair', state: 'succeeded', localCandidateId: 'l' },
          ],
          close: () => {},
        }) as unknown as RTCPeerConnection,
      now: () => 0,
      pause: async () => {},
    },
  });
}

/** Up to a live window with camera and voice. */
async function live() {
  enter();
  topic.snapshot({ type: 'window', view: viewOf({ ...agreed }), strokes: [] }, 0);
  await settle();
  room.ready();
  show({ ...agreed, state: 'consented' });
  await settle();
  connections[0]!.up();
  show({ ...agreed, state: 'live', liveSince: 0, seats: [mine({ media: ['voice', 'camera'] })] });
  await settle();
}

beforeEach(() => {
  version = 0;
  asked = [];
  refusals = {};
  isOpen = ref(true);
  connections = [];
  opened = [];
  kept = new Map();
  stopped = 0;
});

describe('going in', () => {
  it('agrees to the text that was shown, by its id and version', async () => {
    enter();
    topic.snapshot({ type: 'window', view: viewOf(), strokes: [] }, 0);
    expect(room.screen.value.kind).toBe('consent');
    await room.agree('window');
    expect(asked).toEqual([{ type: 'consent', window: 'wn_1', purpose: 'window', text: 'window', version: 3 }]);
  });

  it('opens nothing and sends nothing before everybody has agreed', async () => {
    enter();
    topic.snapshot({ type: 'window', view: viewOf(), strokes: [] }, 0);
    await settle();
    expect(opened).toEqual([]);
    expect(connections).toEqual([]);
    show({ ...agreed });
    await settle();
    room.ready();
    await settle();
    expect(room.screen.value.kind).toBe('asking');
    expect(connections).toEqual([]);
    show({ state: 'ended', endedBecause: 'declined' });
    await settle();
    expect(opened.every((one) => one.isStopped)).toBe(true);
    // A question about the network, which nobody else hears of.
    expect(types()).toEqual(['check_window']);
  });

  it('takes the seat, connects and shows what it has, as soon as it may', async () => {
    await live();
    expect(types().slice(0, 2)).toEqual(['check_window', 'take_seat']);
    expect([...types()].sort()).toEqual(['check_window', 'connect_window', 'publish', 'publish', 'take_seat']);
    expect(published()).toEqual(['voice on', 'camera on']);
    expect(connections[0]!.sent).toEqual([opened[0], opened[1], null]);
    expect(room.screen.value.kind).toBe('live');
    expect(room.light.value).toBe('good');
  });

  it('looks at the network once one has agreed, and again when asked to; who cannot tell says nothing', async () => {
    enter();
    topic.snapshot({ type: 'window', view: viewOf(), strokes: [] }, 0);
    await settle();
    expect([types(), room.way.value]).toEqual([[], null]);
    show({ ...agreed });
    await settle();
    expect([types(), room.way.value]).toEqual([['check_window'], 'straight']);
    refusals.check_window = new RequestError('busy', '', undefined, true);
    await room.lookForWay();
    expect(room.way.value).toBeNull();
    isOpen.value = false;
    await room.lookForWay();
    expect(types()).toEqual(['check_window', 'check_window']);
  });

  it('is told why not', async () => {
    refusals.take_seat = new RequestError('forbidden', '', undefined, false);
    enter();
    topic.snapshot({ type: 'window', view: viewOf({ ...agreed, state: 'consented' }), strokes: [] }, 0);
    await settle();
    room.ready();
    await settle();
    expect(room.screen.value).toEqual({ kind: 'refused', code: 'forbidden' });
  });

  it('a supervisor shows nothing and opens nothing', async () => {
    enter('supervisor');
    topic.snapshot({ type: 'window', view: viewOf({ ...agreed, state: 'live' }), strokes: [] }, 0);
    await settle();
    expect(room.screen.value.kind).toBe('observe');
    room.ready();
    await settle();
    expect(types()).toEqual(['take_seat', 'connect_window']);
    expect(opened).toEqual([]);
  });
});

describe('while it goes on', () => {
  it('comes back with a new connection and the same devices after its link was away', async () => {
    await live();
    isOpen.value = false;
    await settle();
    expect(room.light.value).toBe('lost');
    // The pictures stay where they are, and what comes stays to be seen.
    expect(room.screen.value.kind).toBe('live');
    expect(connections[0]!.isClosed).toBe(false);
    expect(opened.some((one) => one.isStopped)).toBe(false);
    isOpen.value = true;
    await settle();
    expect(types().filter((type) => type === 'take_seat')).toHaveLength(2);
    expect(connections).toHaveLength(2);
    expect(connections[0]!.isClosed).toBe(true);
    expect(connections[1]!.sent.slice(0, 2)).toEqual([opened[0], opened[1]]);
  });

  it('comes back by itself after a reload, silent if it was silent', async () => {
    await live();
    await room.toggle('voice');
    const tab = new Map(kept);
    room.dispose();
    kept = tab;
    asked = [];
    connections = [];
    enter();
    topic.snapshot(
      {
        type: 'window',
        view: viewOf({ ...agreed, state: 'live', seats: [mine({ isAway: true, media: ['camera'] })] }),
        strokes: [],
      },
      0,
    );
    await settle();
    expect(room.screen.value.kind).toBe('live');
    expect(published()).toEqual(['camera on']);
    expect(connections[0]!.sent[0]).toBeNull();
  });

  it('is silent at once and tells the others', async () => {
    await live();
    await room.toggle('voice');
    expect(published().at(-1)).toBe('voice off');
    expect(connections[0]!.sent[0]).toBeNull();
    expect(opened[0]).toMatchObject({ enabled: false, isStopped: false });
    // The link is away: nobody hears it all the same.
    isOpen.value = false;
    await room.toggle('camera');
    expect(opened[1]!.isStopped).toBe(true);
    expect(connections[0]!.sent[1]).toBeNull();
    isOpen.value = true;
    await settle();
    await room.toggle('camera');
    expect(published().at(-1)).toBe('camera on');
    expect(connections.at(-1)!.sent[1]).toBe(opened.at(-1));
  });

  it('shows a screen only with consent, and stops with the browser’s own bar', async () => {
    await live();
    await room.share(true);
    expect(types().slice(-2)).toEqual(['consent', 'publish']);
    expect(room.own.screen.isOn).toBe(true);
    const screen = opened.at(-1)!;
    expect(connections[0]!.sent[2]).toBe(screen);
    screen.dispatchEvent(new Event('ended'));
    await settle();
    expect(published().at(-1)).toBe('screen off');
    expect(room.own.screen).toMatchObject({ isOn: false, track: null });
    refusals.consent = new RequestError('outdated', '', undefined, false);
    await room.share(true);
    expect(opened.at(-1)!.isStopped).toBe(true);
    expect(room.own.screen.isOn).toBe(false);
    expect(published().at(-1)).toBe('screen off');
  });

  it('stops what the server has ended', async () => {
    await live();
    await room.share(true);
    const screen = opened.at(-1)!;
    show({ ...agreed, state: 'live', seats: [mine({ media: ['voice', 'camera', 'screen'] })], picture: 1 });
    show({ ...agreed, state: 'live', seats: [mine({ media: ['camera'] })], picture: 2, inCall: true });
    await settle();
    expect(screen.isStopped).toBe(true);
    expect(room.own.voice.isOn).toBe(false);
    expect(connections[0]!.sent).toEqual([null, opened[1], null]);
  });

  it('lets another page of the same person have the seat', async () => {
    await live();
    tell({ type: 'window_replaced', window: 'wn_other' });
    expect(room.screen.value.kind).toBe('live');
    tell({ type: 'window_replaced', window: 'wn_1' });
    await settle();
    expect(room.screen.value.kind).toBe('elsewhere');
    expect(opened.every((one) => one.isStopped)).toBe(true);
    await room.takeBack();
    await settle();
    expect(types().filter((type) => type === 'take_seat')).toHaveLength(2);
  });

  it('ends: nothing is open any more, and nothing comes back after a reload', async () => {
    await live();
    show({ state: 'ended', endedBecause: 'staff_left' });
    await settle();
    expect(room.screen.value).toEqual({ kind: 'ended', because: 'staff_left' });
    expect(opened.every((one) => one.isStopped)).toBe(true);
    expect(connections[0]!.isClosed).toBe(true);
    expect(kept.size).toBe(0);
    room.dispose();
    expect(stopped).toBe(2);
  });
});

describe('ink', () => {
  const at = (x: number) => ({ x, y: x });

  it('stands at once, is not doubled by its own echo, and goes when it is refused', async () => {
    await live();
    const stroke = room.draw('pen');
    stroke.move(at(1));
    stroke.move(at(2));
    stroke.end();
    const number = room.ink.value.strokes[0]!.number;
    const both = { type: 'pen', points: [at(1), at(2)] };
    expect(room.ink.value.strokes).toEqual([{ by: 'pa_me', number, stroke: both }]);
    topic.event(
      {
        type: 'inked',
        by: 'pa_me',
        picture: 0,
        change: { type: 'drawn', number, stroke: { type: 'pen', points: [at(1)] } },
      },
      undefined,
    );
    expect(room.ink.value.strokes[0]!.stroke).toEqual(both);
    refusals.draw = new RequestError('rate_limited', '', undefined, true);
    const refused = room.draw('box');
    refused.move(at(5));
    refused.end();
    await settle();
    expect(room.ink.value.strokes).toHaveLength(1);
    expect(room.problem.value).toBe('rate_limited');
  });

  it('comes from the server after a reload, and goes with its picture', async () => {
    const strokes = [{ by: 'pa_2', number: 4, stroke: { type: 'pen' as const, points: [at(9)] } }];
    enter();
    topic.snapshot({ type: 'window', view: viewOf({ ...agreed, state: 'live', picture: 7 }), strokes }, 0);
    expect(room.ink.value).toEqual({ picture: 7, strokes });
    show({ ...agreed, state: 'live', picture: 8 });
    expect(room.ink.value.strokes).toEqual([]);
  });

  it('knows who points where, on this picture only', async () => {
    await live();
    topic.event({ type: 'pointed', by: 'pa_2', picture: 0, at: at(5) }, undefined);
    topic.event({ type: 'pointed', by: 'pa_3', picture: 9, at: at(5) }, undefined);
    expect([...room.pointers.keys()]).toEqual(['pa_2']);
    show({ ...agreed, state: 'live', picture: 1, seats: [mine()] });
    expect(room.pointers.size).toBe(0);
  });

  it('tells where one points in the end, however quickly one came there; not on the next picture', async () => {
    await live();
    const told = () => asked.flatMap((one) => (one.type === 'point' ? [one.at.x] : []));
    vi.useFakeTimers();
    try {
      room.pointAt(at(1));
      room.pointAt(at(2));
      room.pointAt(at(3));
      expect(told()).toEqual([1]);
      vi.advanceTimersByTime(SPEAK_MS);
      expect(told()).toEqual([1, 3]);
      room.pointAt(at(4));
      show({ ...agreed, state: 'live', picture: 1, seats: [mine()] });
      vi.advanceTimersByTime(SPEAK_MS);
      expect(told()).toEqual([1, 3]);
    } finally {
      vi.useRealTimers();
    }
  });
});
