/** On a device in a hall: forgets everything of the person and begins as for the next one. */
import { inject, type InjectionKey } from 'vue';

export const startAnewKey: InjectionKey<() => void> = Symbol('startAnew');

export function useStartAnew(): () => void {
  return inject(startAnewKey, () => location.reload());
}
