/**
 * A device in a service hall, which many people use one after the other (`?channel=kiosk` or `counter`): nothing of a
 * person may be left on it. What the panel keeps goes into a storage of its own that is gone with the page, and at once
 * when the person has gone.
 */
import type { Channel } from '../../generated/protocol';

export interface Hall {
  channel: Extract<Channel, 'kiosk' | 'counter'>;
  /** Code of the hall; the server says what is wrong with it. */
  hall: string;
}

/** The hall that the page's address names; `null`: one's own device. */
export function hallOf(parameters: URLSearchParams): Hall | null {
  const channel = parameters.get('channel');
  if (channel !== 'kiosk' && channel !== 'counter') return null;
  return { channel, hall: parameters.get('hall') ?? '' };
}

const query = () => new URLSearchParams(globalThis.location?.search ?? '');

export const hall = hallOf(query());

/** Ticket numbers as the server takes them (src/domain/src/citizen.rs); empty: none. */
export const isTicket = (text: string): boolean => /^[A-Za-z0-9_-]{0,16}$/.test(text.trim());

/** The number on the ticket, as long as the address names one. */
export const ticketOfPage = (): string => query().get('ticket') ?? '';

/** A storage that lives as long as the page. */
export class MemoryStorage implements Storage {
  private readonly items = new Map<string, string>();

  get length(): number {
    return this.items.size;
  }

  key(index: number): string | null {
    return [...this.items.keys()][index] ?? null;
  }

  getItem(key: string): string | null {
    return this.items.get(key) ?? null;
  }

  setItem(key: string, value: string): void {
    this.items.set(key, value);
  }

  removeItem(key: string): void {
    this.items.delete(key);
  }

  clear(): void {
    this.items.clear();
  }
}

export const memory = new MemoryStorage();

/** The person has gone: nothing of them is left, here or in the page's address. */
export function forgetPerson(): void {
  memory.clear();
  const url = new URL(location.href);
  url.searchParams.delete('ticket');
  url.hash = '';
  history.replaceState(null, '', url);
}
