/** The description of each kind, for whoever has a record and only knows its kind. */
import type { Kind } from '../api';
import { blocked } from './blocked';
import { calendarYear, specialHours } from './calendar';
import { canned } from './canned';
import type { Description } from './description';
import { item } from './item';
import { hold, retention } from './keeping';
import { notice } from './notice';
import { number } from './number';
import { policy } from './policy';
import { samplePlan, scoreCard } from './quality';
import { shift } from './shift';
import { team } from './team';
import { unit } from './unit';

export const descriptions: Record<Kind, Description> = {
  unit,
  team,
  shift,
  item,
  sla_policy: policy,
  notice,
  canned_answer: canned,
  blocked_visitor: blocked,
  retention,
  legal_hold: hold,
  calendar_year: calendarYear,
  special_hours: specialHours,
  score_card: scoreCard,
  sample_plan: samplePlan,
  transfer_number: number,
};
