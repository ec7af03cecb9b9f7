/** Wall mode: in the address (`?wall=1`), so that a screen on the wall comes back to it after a reload. */
import { onScopeDispose, ref, watchEffect } from 'vue';

export function useWall() {
  const isWall = ref(new URLSearchParams(location.search).get('wall') === '1');
  /** Did we ask for the whole screen? Then leaving that leaves the wall: the browser keeps that Escape to itself. */
  let isFull = false;

  watchEffect(() => {
    const root = document.documentElement;
    if (isWall.value) root.dataset.wall = '1';
    else delete root.dataset.wall;
    const url = new URL(location.href);
    if (isWall.value) url.searchParams.set('wall', '1');
    else url.searchParams.delete('wall');
    history.replaceState(history.state, '', url);
  });

  function enter() {
    isWall.value = true;
    document.documentElement.requestFullscreen?.().then(
      () => (isFull = true),
      // Not allowed here: the wall fills the window instead.
      () => {},
    );
  }

  function leave() {
    isWall.value = false;
    if (document.fullscreenElement) document.exitFullscreen().catch(() => {});
  }

  const onKey = (event: KeyboardEvent) => {
    if (event.key === 'Escape' && isWall.value) leave();
  };
  const onFullscreen = () => {
    if (!document.fullscreenElement && isFull) {
      isFull = false;
      leave();
    }
  };
  window.addEventListener('keydown', onKey);
  document.addEventListener('fullscreenchange', onFullscreen);
  onScopeDispose(() => {
    window.removeEventListener('keydown', onKey);
    document.removeEventListener('fullscreenchange', onFullscreen);
    delete document.documentElement.dataset.wall;
  });

  return { isWall, enter, leave };
}
