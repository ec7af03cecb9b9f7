/** A text with what it has in common with a search set off. Ranges are begins and ends in UTF-16 units, in their order. */
import { defineComponent, h, type PropType, type VNode } from 'vue';

export const split = (
  text: string,
  ranges: readonly (readonly [number, number])[],
): { text: string; hit: boolean }[] => {
  const parts: { text: string; hit: boolean }[] = [];
  let done = 0;
  for (const [from, to] of ranges) {
    if (from > done) parts.push({ text: text.slice(done, from), hit: false });
    parts.push({ text: text.slice(from, to), hit: true });
    done = to;
  }
  if (done < text.length) parts.push({ text: text.slice(done), hit: false });
  return parts;
};

export default defineComponent({
  name: 'MatchedText',
  props: {
    text: { type: String, required: true },
    ranges: { type: Array as PropType<readonly (readonly [number, number])[]>, required: true },
  },
  setup: (props) => () =>
    h(
      'span',
      split(props.text, props.ranges).map((part): VNode | string => (part.hit ? h('mark', part.text) : part.text)),
    ),
});
