/** Choosing, pasting and dropping for one composer. */
import { onScopeDispose, ref, toValue, type MaybeRefOrGetter } from 'vue';
import type { ConversationId } from '../../generated/protocol';
import { useFiles, type Refusal } from './files';

/** Screenshots all come as `image.png`: the time tells them apart. */
function named(file: File): File {
  if (!/^image\.(png|jpe?g)$/i.test(file.name)) return file;
  const now = new Date();
  const two = (number: number) => String(number).padStart(2, '0');
  const time = [now.getHours(), now.getMinutes(), now.getSeconds()].map(two).join('');
  const ending = file.type === 'image/jpeg' ? 'jpg' : 'png';
  return new File([file], `截图${two(now.getMonth() + 1)}${two(now.getDate())}-${time}.${ending}`, { type: file.type });
}

const hasFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes('Files') ?? false;

export function useAttaching(conversation: MaybeRefOrGetter<ConversationId | null>, after: () => void) {
  const files = useFiles();
  const refusals = ref<readonly Refusal[]>([]);
  const isRecording = ref(false);

  async function add(chosen: readonly File[]): Promise<void> {
    const id = toValue(conversation);
    if (!id || chosen.length === 0) return;
    refusals.value = await files.choose(id, chosen);
    after();
  }

  /** Text is pasted as ever; a program that copies both text and a picture of it means the text. */
  function pasted(event: ClipboardEvent): void {
    const data = event.clipboardData;
    if (!data || data.files.length === 0 || data.types.includes('text/plain')) return;
    event.preventDefault();
    void add([...data.files].map(named));
  }

  return { refusals, isRecording, add, pasted };
}

/** Files dropped anywhere in a pane. */
export function useDropping(drop: (files: File[]) => void) {
  const isOver = ref(false);

  function over(event: DragEvent): void {
    if (!hasFiles(event)) return;
    event.preventDefault();
    isOver.value = true;
  }

  function left(event: DragEvent): void {
    const inside = event.currentTarget instanceof Node && event.relatedTarget instanceof Node;
    if (!inside || !(event.currentTarget as Node).contains(event.relatedTarget as Node)) isOver.value = false;
  }

  function dropped(event: DragEvent): void {
    if (!hasFiles(event)) return;
    event.preventDefault();
    isOver.value = false;
    drop([...(event.dataTransfer?.files ?? [])]);
  }

  // Beside the pane a browser would open the file and leave the page.
  const keep = (event: DragEvent) => {
    if (hasFiles(event)) event.preventDefault();
  };
  window.addEventListener('dragover', keep);
  window.addEventListener('drop', keep);
  onScopeDispose(() => {
    window.removeEventListener('dragover', keep);
    window.removeEventListener('drop', keep);
  });

  return { isOver, over, left, dropped };
}
