/** In which part of the table a figure stands. */
import type { Figure } from '../generated/protocol';

export type Section = 'response' | 'offers' | 'handling' | 'bot' | 'messages' | 'ratings';

export const SECTIONS: { section: Section; figures: Figure[] }[] = [
  {
    section: 'response',
    figures: ['requests', 'within_minute', 'short_abandons', 'answered_late', 'left_late', 'wait', 'next_response'],
  },
  { section: 'offers', figures: ['accepted', 'missed', 'declined', 'accept_time'] },
  {
    section: 'handling',
    figures: [
      'conversations',
      'human_resolution',
      'confirmed',
      'not_reopened',
      'reopened',
      'handling',
      'abandoned',
      'out_of_scope',
      'abuse',
    ],
  },
  { section: 'bot', figures: ['bot_resolution'] },
  { section: 'messages', figures: ['messages', 'call_backs_kept'] },
  { section: 'ratings', figures: ['rating', 'bad_ratings'] },
];

/** Those that are shown large. */
export const HEADLINES: Figure[] = ['within_minute', 'human_resolution', 'bot_resolution', 'rating', 'conversations'];

/** Those that are shown for each unit, team, ... */
export const COLUMNS: Figure[] = [
  'conversations',
  'requests',
  'within_minute',
  'wait',
  'next_response',
  'human_resolution',
  'handling',
  'rating',
  'bad_ratings',
];

/** Those that a single agent has. */
export const OWN_COLUMNS: Figure[] = [
  'requests',
  'within_minute',
  'wait',
  'next_response',
  'accepted',
  'human_resolution',
  'handling',
  'rating',
];
