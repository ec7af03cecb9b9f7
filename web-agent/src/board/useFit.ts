/** How many rows fit into the place that a table has. */
import { onScopeDispose, ref, watch, type Ref } from 'vue';

/** `box`: the place; rows are its `tbody tr`, the head its `thead`. `Infinity` while nothing can be measured. */
export function useFit(box: Ref<HTMLElement | null>): Ref<number> {
  const fit = ref(Infinity);
  const measure = () => {
    const row = box.value?.querySelector<HTMLElement>('tbody tr')?.offsetHeight;
    const head = box.value?.querySelector<HTMLElement>('thead')?.offsetHeight ?? 0;
    if (box.value && row) fit.value = Math.max(1, Math.floor((box.value.clientHeight - head) / row));
  };
  const observer = new ResizeObserver(measure);
  watch(
    box,
    (now, before) => {
      if (before) observer.unobserve(before);
      if (now) observer.observe(now);
      measure();
    },
    { flush: 'post', immediate: true },
  );
  onScopeDispose(() => observer.disconnect());
  return fit;
}
