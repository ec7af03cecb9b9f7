/** What axe does not look at: sizes of targets, sideways scrolling, the way of the keyboard. */
import { expect, type FrameLocator, type Locator, type Page } from '@playwright/test';

/**
 * Every visible press target is at least `px` high and wide: buttons, links that look like buttons, and the labels of
 * radio buttons. A link within a sentence is text, not a target of its own (WCAG 2.5.8).
 */
export async function targetsAreAtLeast(root: Page | FrameLocator | Locator, px: number): Promise<void> {
  const targets = root.locator(
    'button:visible, a.btn:visible, [role=button]:visible, label:has(input[type=radio]):visible',
  );
  const small = await targets.evaluateAll(
    (elements, least) =>
      elements
        .map((element) => {
          const { width, height } = element.getBoundingClientRect();
          const name = element.getAttribute('aria-label') ?? element.textContent?.trim().slice(0, 20);
          return { name, width: Math.round(width), height: Math.round(height) };
        })
        // A fraction of a pixel is lost to rounding.
        .filter(({ width, height }) => width > 1 && (width < least - 0.5 || height < least - 0.5)),
    px,
  );
  expect(small).toEqual([]);
}

/** Nothing has to be scrolled sideways, neither the page nor what scrolls within it. */
export async function scrollsOnlyDown(page: Page): Promise<void> {
  const wide = await page.evaluate(() =>
    [...document.querySelectorAll<HTMLElement>('html, body, [role=log], main, dialog, [role=dialog]')]
      .filter((element) => element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 0)
      .map((element) => `${element.tagName} ${element.className}: ${element.scrollWidth} > ${element.clientWidth}`),
  );
  expect(wide).toEqual([]);
}

/** Goes by Tab until `target` has the focus, and sees that the focus can be seen. */
export async function tabTo(page: Page, target: Locator): Promise<void> {
  for (let presses = 0; presses < 60; presses++) {
    if (await target.evaluate((element) => element === document.activeElement)) break;
    await page.keyboard.press('Tab');
  }
  await expect(target).toBeFocused();
  const isSeen = await target.evaluate((element) => {
    // A radio button may be drawn by its label.
    const shown = [element, element.closest('label')].filter((one) => one !== null);
    return shown.some((one) => {
      const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(one);
      return (outlineStyle !== 'none' && outlineWidth !== '0px') || boxShadow !== 'none';
    });
  });
  expect(isSeen).toBe(true);
}
