import { describe, expect, it } from 'vitest';
import {
  canShareScreen,
  keepChoices,
  levelOf,
  list,
  obstacle,
  open,
  openScreen,
  problemOf,
  storedChoices,
  type DeviceEnvironment,
} from './devices';

const named = (name: string, message = '') => Object.assign(new Error(message), { name });
const track = (kind: string) => ({ kind }) as MediaStreamTrack;
const stream = (...kinds: string[]) =>
  ({
    getAudioTracks: () => kinds.filter((kind) => kind === 'audio').map(track),
    getVideoTracks: () => kinds.filter((kind) => kind === 'video').map(track),
  }) as unknown as MediaStream;

function environment(media: Partial<MediaDevices>, more: Partial<DeviceEnvironment> = {}): DeviceEnvironment {
  const kept = new Map<string, string>();
  return {
    media: media as MediaDevices,
    isSecure: true,
    hasConnections: true,
    storage: { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => void kept.set(key, value) },
    ...more,
  };
}

const all = { microphone: '', camera: '', speaker: '', withCamera: true };

describe('what stands in the way', () => {
  it.each([
    [named('NotAllowedError', 'Permission denied'), 'denied'],
    [named('NotAllowedError', 'Permission denied by system'), 'denied_by_system'],
    [named('SecurityError'), 'denied'],
    [named('NotFoundError'), 'not_found'],
    [named('OverconstrainedError'), 'not_found'],
    [named('NotReadableError'), 'in_use'],
    [named('AbortError'), 'in_use'],
    [named('TypeError'), 'unsupported'],
    [named('InvalidStateError'), 'failed'],
    ['no error at all', 'failed'],
  ])('%s', (error, problem) => expect(problemOf(error)).toBe(problem));

  it('is told before anything is asked for, where it can be', () => {
    const media = { getUserMedia: async () => stream() };
    expect(obstacle(environment(media))).toBeNull();
    expect(obstacle(environment(media, { isSecure: false, media: undefined }))).toBe('insecure');
    expect(obstacle(environment(media, { hasConnections: false }))).toBe('unsupported');
    expect(obstacle(environment({}))).toBe('unsupported');
  });
});

describe('microphone and camera', () => {
  it('are asked for together', async () => {
    const asked: MediaStreamConstraints[] = [];
    const opened = await open(
      environment({
        getUserMedia: async (constraints) => {
          asked.push(constraints!);
          return stream('audio', 'video');
        },
      }),
      { ...all, microphone: 'm1' },
    );
    expect(asked).toHaveLength(1);
    expect(asked[0]).toMatchObject({ audio: { deviceId: { ideal: 'm1' }, echoCancellation: true } });
    expect(opened).toEqual({ voice: track('audio'), camera: track('video'), voiceProblem: null, cameraProblem: null });
  });

  it('are asked for one by one when one of them is missing', async () => {
    const opened = await open(
      environment({
        getUserMedia: async (constraints) => {
          if (constraints?.video) throw named('NotFoundError');
          return stream('audio');
        },
      }),
      all,
    );
    expect(opened).toEqual({ voice: track('audio'), camera: null, voiceProblem: null, cameraProblem: 'not_found' });
  });

  it('are not asked for again after a no', async () => {
    let asked = 0;
    const media = {
      getUserMedia: async () => {
        asked += 1;
        throw named('NotAllowedError');
      },
    };
    expect(await open(environment(media), all)).toMatchObject({ voiceProblem: 'denied', cameraProblem: 'denied' });
    expect(asked).toBe(1);
  });

  it('without a camera are the microphone alone, and that is no problem', async () => {
    const asked: (MediaStreamConstraints | undefined)[] = [];
    const media = {
      getUserMedia: async (constraints?: MediaStreamConstraints) => {
        asked.push(constraints);
        return stream('audio');
      },
    };
    const opened = await open(environment(media), { ...all, withCamera: false });
    expect(asked.map((one) => Boolean(one?.video))).toEqual([false]);
    expect(opened).toMatchObject({ voice: track('audio'), camera: null, cameraProblem: null });
  });

  it('are listed by kind, without those that have no id yet', async () => {
    const devices = [
      { kind: 'audioinput', deviceId: 'a' },
      { kind: 'videoinput', deviceId: '' },
      { kind: 'audiooutput', deviceId: 's' },
    ] as MediaDeviceInfo[];
    const found = await list(environment({ enumerateDevices: async () => devices }));
    expect([found.microphones.length, found.cameras.length, found.speakers.length]).toEqual([1, 0, 1]);
    expect((await list(environment({}, { media: undefined }))).cameras).toEqual([]);
  });
});

describe('the screen', () => {
  it('is this tab if that is meant', async () => {
    const asked: unknown[] = [];
    const media = {
      getDisplayMedia: async (options: unknown) => {
        asked.push(options);
        return stream('video');
      },
    } as Partial<MediaDevices>;
    expect(await openScreen(environment(media), true)).toEqual({ track: track('video') });
    await openScreen(environment(media), false);
    expect(asked[0]).toMatchObject({ preferCurrentTab: true });
    expect(asked[1]).not.toHaveProperty('preferCurrentTab');
  });

  it('that is not chosen is no problem, other failures are', async () => {
    const failing = (error: Error) =>
      environment({ getDisplayMedia: async () => Promise.reject(error) } as Partial<MediaDevices>);
    expect(await openScreen(failing(named('NotAllowedError')), true)).toEqual({ problem: 'cancelled' });
    expect(await openScreen(failing(named('NotReadableError')), true)).toEqual({ problem: 'in_use' });
    expect(await openScreen(environment({}), true)).toEqual({ problem: 'unsupported' });
    expect(canShareScreen(environment({}))).toBe(false);
  });
});

describe('what was chosen', () => {
  it('is there next time', () => {
    const here = environment({});
    expect(storedChoices(here)).toEqual(all);
    const chosen = { microphone: 'm', camera: 'c', speaker: 's', withCamera: false };
    keepChoices(here, chosen);
    expect(storedChoices(here)).toEqual(chosen);
  });

  it('is nothing where nothing can be kept, or something else stands there', () => {
    expect(storedChoices(environment({}, { storage: null }))).toEqual(all);
    expect(storedChoices(environment({}, { storage: { getItem: () => '{', setItem: () => {} } }))).toEqual(all);
    expect(
      storedChoices(environment({}, { storage: { getItem: () => '{"microphone":5}', setItem: () => {} } })),
    ).toEqual(all);
    const full = {
      getItem: () => null,
      setItem: () => {
        throw new Error('full');
      },
    };
    expect(() => keepChoices(environment({}, { storage: full }), all)).not.toThrow();
  });
});

it('hears how loud it is', () => {
  expect(levelOf([128, 128])).toBe(0);
  expect(levelOf([128, 1, 200])).toBe(1);
  expect(levelOf([])).toBe(0);
});
