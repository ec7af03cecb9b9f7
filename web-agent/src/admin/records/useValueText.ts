/** Values of a record's fields as people read them: names instead of codes, words instead of flags. */
import { language, useWords } from '../../shared/words';
import type { Hours } from '../api';
import { fieldsOf, type CodeSource, type Description } from '../kinds/description';
import { hoursText } from '../kinds/team';
import { timeStamp, weekdayName } from '../logic/time';
import { useNames } from '../stores/names';
import { usePlaces } from '../stores/places';
import { say } from '../text';

export function useValueText(description: () => Description | undefined) {
  const places = usePlaces();
  const names = useNames();
  const words = useWords(
    { yes: '是', no: '否', none: '（空）', inherited: '沿用上级' },
    { yes: 'yes', no: 'no', none: '(empty)', inherited: 'as above' },
  );

  function named(source: CodeSource, code: string): string {
    if (source === 'team') return places.teamName(code);
    if (source === 'item' || source === 'staff' || source === 'card') return names.of(source, code);
    return places.unitName(code) ?? code;
  }

  /** What has no description: JSON, read aloud. */
  function plain(value: unknown): string {
    if (value === null || value === undefined || value === '') return words.value.none;
    if (typeof value === 'boolean') return value ? words.value.yes : words.value.no;
    if (Array.isArray(value)) return value.length ? value.map(plain).join('、') : words.value.none;
    if (typeof value === 'object') {
      return Object.entries(value)
        .map(([key, part]) => `${key}: ${plain(part)}`)
        .join(' · ');
    }
    return String(value);
  }

  /** `path` from the outside in, e.g. `hours.periods`. */
  function valueOf(path: string, value: unknown): string {
    const shape = description();
    const field = shape && fieldsOf(shape).find(({ key }) => key === path.split('.')[0]);
    if (!field || (value === undefined && field.control !== 'hours')) return plain(value);
    switch (field.control) {
      case 'choice': {
        const choice = field.choices.find((one) => one.value === value);
        return choice ? say(choice.label) : plain(value);
      }
      case 'instant':
        return typeof value === 'number' ? timeStamp(value) : field.empty ? say(field.empty) : plain(value);
      case 'code':
        return typeof value === 'string' && value
          ? named(field.source, value)
          : field.empty
            ? say(field.empty)
            : plain(value);
      case 'codes':
        return Array.isArray(value) && value.length
          ? value.map((code) => named(field.source, String(code))).join('、')
          : say(field.empty);
      case 'weekdays':
        return Array.isArray(value)
          ? value.map((day) => weekdayName(Number(day), language.value)).join(' ')
          : plain(value);
      case 'hours':
        if (path !== field.key) return plain(value);
        return hoursText((value as Hours | null) ?? null) ?? words.value.inherited;
      case 'number':
        return value === null && field.empty ? say(field.empty) : plain(value);
      default:
        return plain(value);
    }
  }

  function labelOf(path: string): string {
    const shape = description();
    const [key = '', ...rest] = path.split('.');
    const field = shape && fieldsOf(shape).find((one) => one.key === key);
    return field ? say(field.label) : [key, ...rest].join('.');
  }

  return { valueOf, labelOf };
}
