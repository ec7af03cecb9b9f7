/**
 * Telephones and a browser in one call: somebody calls 12345 by a real telephone, the operator answers in Chromium, and the
 * professional is a telephone of their department behind the trunk. Who hears whom is measured at all three in every phase.
 */
import { expect } from './support/fixtures';
import { acceptOffer, openPanel, pageOf } from './support/calls';
import { Rest } from './support/rest';
import {
  CALLER,
  DEPARTMENTS_NUMBER,
  MUSIC,
  OPERATOR,
  pageHears,
  PROFESSIONAL,
  test,
  VOICE,
  VOICES,
  type Levels,
} from './support/telephones';
import { windowBrowser } from './support/window';

test.use({ launchOptions: windowBrowser });

const ALL = [...VOICES, MUSIC];

test('two telephones and an operator in Chromium hear exactly the others: waiting, talking, consulted, merged, left', async ({
  city,
  people,
  server,
}, info) => {
  test.setTimeout(120_000);
  const { caller, professional } = city;
  const measured: Record<string, Levels> = {};
  const admin = await Rest.logIn(server);
  const telephone = { label: '故事窗口', number: DEPARTMENTS_NUMBER, unit: 'sports', rank: 10 };
  await admin.put('transfer_number', 'story-sports', telephone);

  // --- somebody calls while nobody is there: they wait, and hear the music ---------------------------------------------
  await caller.dial(`sip:12345@${city.sip}`);
  measured['waiting: caller'] = await caller.hears('who waits', [MUSIC], ALL);

  // --- the operator comes and answers at their page --------------------------------------------------------------------
  const desk = await pageOf(people, OPERATOR, 1_440, 900, VOICE);
  await openPanel(desk, server.url, 'oper1');
  const pane = desk.getByTestId('call-pane');
  await acceptOffer(desk);
  await expect(pane).toHaveAttribute('data-scene', 'two');
  measured['talking: caller'] = await caller.hears('two talk: the caller', [OPERATOR], ALL);
  measured['talking: operator'] = await pageHears(desk, 'two talk: the operator', [CALLER], ALL);

  // --- the department is found and consulted: the caller hears neither of them ------------------------------------------
  await desk.keyboard.press('c');
  await desk.keyboard.type('体育局');
  const entry = desk.getByTestId('entry').filter({ hasText: '故事窗口' });
  await expect(entry).toHaveAttribute('aria-selected', 'true');
  await desk.keyboard.press('Enter');
  await expect(pane).toHaveAttribute('data-scene', 'consulting');
  measured['consulting: operator'] = await pageHears(desk, 'consulted: the operator', [PROFESSIONAL], ALL);
  measured['consulting: professional'] = await professional.hears('consulted: the professional', [OPERATOR], ALL);
  measured['consulting: caller'] = await caller.hears('who is on hold', [MUSIC], ALL);

  // --- merged: all hear all, and not themselves --------------------------------------------------------------------------
  await desk.keyboard.press('Alt+B');
  await expect(pane).toHaveAttribute('data-scene', 'three');
  measured['merged: caller'] = await caller.hears('merged: the caller', [OPERATOR, PROFESSIONAL], ALL);
  measured['merged: professional'] = await professional.hears('merged: the professional', [CALLER, OPERATOR], ALL);
  measured['merged: operator'] = await pageHears(desk, 'merged: the operator', [CALLER, PROFESSIONAL], ALL);

  // --- the operator leaves the two ---------------------------------------------------------------------------------------
  await desk.keyboard.press('Alt+L');
  await expect(pane).toHaveAttribute('data-scene', 'gone');
  measured['left: caller'] = await caller.hears('left: the caller', [PROFESSIONAL], ALL);
  measured['left: professional'] = await professional.hears('left: the professional', [CALLER], ALL);
  measured['left: operator'] = await pageHears(desk, 'left: the operator', [], ALL);

  // --- the caller hangs up; what it was is said ----------------------------------------------------------------------------
  await caller.hangUp();
  await expect(desk.getByTestId('wrap-up')).toBeVisible();
  await desk.keyboard.press('1');
  await desk.keyboard.press('Control+Enter');
  await expect(desk.getByTestId('wrap-up')).toBeHidden();
  expect(server.output).not.toMatch(/13800138000|0216000/);
  await info.attach('levels in dBFS', { body: JSON.stringify(measured, null, 1), contentType: 'application/json' });
});
