/** What people read of an action, on every page that shows one. */
import type {
  ActionAsk,
  ActionFailure,
  ActionKind,
  ActionStepKind,
  ActionWalk,
  Appointment,
  CaseProgress,
  ThreadBody,
  Timestamp,
} from '../../generated/protocol';
import { language, useWords, type Language } from '../words';

const formats = new Map<string, Intl.DateTimeFormat>();

function format(language: Language, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${language} ${JSON.stringify(options)}`;
  const known = formats.get(key);
  if (known) return known;
  // Halls keep Shanghai's time, wherever the reader is.
  const made = new Intl.DateTimeFormat(language === 'en' ? 'en-GB' : 'zh-CN', {
    timeZone: 'Asia/Shanghai',
    ...options,
  });
  formats.set(key, made);
  return made;
}

export const dayOf = (at: Timestamp, language: Language): string =>
  format(language, { month: 'long', day: 'numeric', weekday: 'short' }).format(at);

const timeOf = (at: Timestamp, language: Language): string =>
  format(language, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).format(at);

/** `12月1日周二 09:00–10:00`. */
export const whenText = (one: { startsAt: Timestamp; endsAt: Timestamp }, language: Language): string =>
  `${dayOf(one.startsAt, language)} ${timeOf(one.startsAt, language)}–${timeOf(one.endsAt, language)}`;

export const useActionWords = () =>
  useWords(
    {
      kind: {
        book: '办事预约',
        change: '改约',
        cancel: '取消预约',
        progress: '查进度',
        apply: '去申请',
      } satisfies Record<ActionKind, string>,
      of: (kind: string, item: string) => (item ? `${kind}：${item}` : kind),
      offers: '可以办理',
      offered: '我可以帮您办理，请选择：',
      ask: {
        appointment: '请选择您的预约',
        hall: '请选择办事大厅',
        date: '请选择日期',
        time: '请选择时间',
        case: '请选择您的办件',
      } satisfies Record<ActionAsk, string>,
      left: (count: number) => `余 ${count}`,
      gone: '刚才选的已被约走，请重新选择。',
      step: {
        choose: '',
        back: '返回上一步',
        confirm: '确认办理',
        leave: '不办了',
      } satisfies Record<ActionStepKind, string>,
      confirm: (kind: string) => `请核对后确认${kind}`,
      confirmHelp: '点击“确认办理”之前，不会为您办理任何事项。',
      confirmYes: '确认办理',
      confirmNo: '不办了',
      fact: {
        item: '事项',
        hall: '地点',
        address: '地址',
        time: '时间',
        before: '原时间',
        number: '预约号',
        case: '办件编号',
        accepted: '受理日期',
        at: '当前环节',
        due: '承诺办结',
        note: '说明',
      },
      acting: '正在办理，请稍候…',
      done: {
        book: '预约成功',
        change: '改约成功',
        cancel: '预约已取消',
      } as Record<string, string>,
      bring: '请携带身份证件，凭预约号按时到达。',
      progress: '办件进度',
      link: '请从下面的官方入口开始申请',
      open: '打开申请入口',
      wasLeft: '好的，没有为您办理任何事项。',
      unknown: '办理结果还没有确认。我会继续查询并在这里告诉您，不会重复办理，您不用再次提交。',
      failure: {
        sign_in: '这项办理需要确认您的身份，请先登录一网通办；也可以转人工帮办。',
        not_offered: '这个事项暂不支持在这里办理，可以转人工帮办。',
        no_openings: '目前没有可预约的时间，可以过些时候再试，或转人工帮办。',
        no_appointments: '没有查到您名下的预约。如果是在别处预约的，请在原渠道查询，或转人工帮办。',
        no_cases: '没有查到您名下的办件。如有受理凭证，可以转人工帮办查询。',
        opening_gone: '这个时间刚被约走，没有预约成功，请重新选择时间。',
        already_booked: '您已有这个事项的预约，没有重复预约；如需换时间，请改约。',
        too_late: '已过可办理的时间，没有改动，请按原预约办理，或转人工帮办。',
        not_found: '没有查到这个预约或办件，没有改动，可以转人工帮办。',
        limit: '今天办理的次数已达上限，没有办理，请明天再试，或转人工帮办。',
        refused: '对方系统没有受理，没有办成，可以转人工帮办。',
        unavailable: '办理系统暂时连不上，没有办理，请稍后再试，或转人工帮办。',
        not_done: '对方系统没有收到这次办理，没有办成，可以重新办理。',
        unclear: '无法确认是否办成，请勿重复提交，请转人工帮办核实。',
      } satisfies Record<ActionFailure, string>,
      again: '重新选择',
      changeIt: '改约',
      signIn: '去登录',
      chosen: '办事操作',
      nothing: '尚未选择',
      state: {
        asked: '正在选择',
        confirm: '待市民确认',
        acting: '正在办理',
        done: '已办成',
        progress: '已告知进度',
        link: '已给出入口',
        left: '市民不办了',
        unknown: '结果待确认',
        failed: '没有办成',
      },
    },
    {
      kind: {
        book: 'Make an appointment',
        change: 'Change the appointment',
        cancel: 'Cancel the appointment',
        progress: 'Check progress',
        apply: 'Apply',
      },
      of: (kind, item) => (item ? `${kind}: ${item}` : kind),
      offers: 'What I can do for you',
      offered: 'I can do this for you; please choose:',
      ask: {
        appointment: 'Which of your appointments?',
        hall: 'Which hall?',
        date: 'Which day?',
        time: 'What time?',
        case: 'Which of your cases?',
      },
      left: (count) => `${count} left`,
      gone: 'What you chose has just been taken; please choose again.',
      step: { choose: '', back: 'Back one step', confirm: 'Confirm', leave: 'Do not do it' },
      confirm: (kind) => `Please check and confirm: ${kind}`,
      confirmHelp: 'Nothing is done before you press “Confirm”.',
      confirmYes: 'Confirm',
      confirmNo: 'Do not do it',
      fact: {
        item: 'Matter',
        hall: 'Place',
        address: 'Address',
        time: 'Time',
        before: 'Instead of',
        number: 'Number',
        case: 'Case',
        accepted: 'Accepted on',
        at: 'Now at',
        due: 'Promised by',
        note: 'Note',
      },
      acting: 'Being done, please wait…',
      done: {
        book: 'Your appointment is made',
        change: 'Your appointment is changed',
        cancel: 'Your appointment is cancelled',
      },
      bring: 'Please bring your identity document, and show the number there.',
      progress: 'Progress of your case',
      link: 'Your application begins at this official page',
      open: 'Open the page',
      wasLeft: 'All right, nothing was done.',
      unknown:
        'It is not known yet whether it was done. I keep asking and tell you here; it is not done twice, and you need not send it again.',
      failure: {
        sign_in: 'For this I have to know who you are: please log in to the portal, or ask for a person.',
        not_offered: 'This cannot be done here for this matter; a person can help you.',
        no_openings: 'There is no free time at present; try again later, or ask for a person.',
        no_appointments:
          'No appointment of yours was found. If it was made elsewhere, look there, or ask for a person.',
        no_cases: 'No case of yours was found. With a receipt, a person can look it up.',
        opening_gone: 'This time has just been taken, and nothing was done; please choose again.',
        already_booked: 'You have an appointment for this matter, and no second one was made; you can change it.',
        too_late: 'It is too late for that, and nothing was changed; a person can help you.',
        not_found: 'This appointment or case was not found, and nothing was changed; a person can help you.',
        limit: 'That is the most for one day, and nothing was done; try again tomorrow, or ask for a person.',
        refused: 'The office did not accept it, and nothing was done; a person can help you.',
        unavailable: 'The office cannot be reached, and nothing was done; try again later, or ask for a person.',
        not_done: 'It never reached the office, and nothing was done; you can do it again.',
        unclear: 'Nobody can say whether it was done: please do not send it again, and ask a person to find out.',
      },
      again: 'Choose again',
      changeIt: 'Change it',
      signIn: 'Log in',
      chosen: 'What is being done',
      nothing: 'Nothing chosen yet',
      state: {
        asked: 'choosing',
        confirm: 'waits for the citizen to confirm',
        acting: 'being done',
        done: 'done',
        progress: 'progress told',
        link: 'page given',
        left: 'the citizen did not want it',
        unknown: 'not known yet',
        failed: 'not done',
      },
    },
  );

export type ActionWords = ReturnType<typeof useActionWords>['value'];

/** Where an action stands, as an entry of 小申 says it. */
export type ActionBody = Extract<ThreadBody, { type: 'action_asked' | 'action_confirm' | 'action_ended' }>;

export const isAction = (body: ThreadBody): body is ActionBody =>
  body.type === 'action_asked' || body.type === 'action_confirm' || body.type === 'action_ended';

/** The entry of 小申 at which the action of a thread stands: the last one. */
export function actionAt<T extends { body: ThreadBody }>(entries: readonly T[]): (T & { body: ActionBody }) | null {
  for (let at = entries.length - 1; at >= 0; at -= 1) {
    const entry = entries[at]!;
    if (isAction(entry.body)) return entry as T & { body: ActionBody };
  }
  return null;
}

/** Was the entry confirmed? What became of it follows, or is still awaited. */
export const isConfirmed = (entries: readonly { body: ThreadBody }[], seq: number): boolean =>
  entries.some(({ body }) => body.type === 'action_stepped' && body.on === seq && body.step === 'confirm');

/** Name of what it is about: an appointment that is changed or cancelled knows best. */
export const itemOf = (walk: ActionWalk): string => walk.appointment?.itemName ?? walk.itemName;

type Fact = [name: string, value: string];

const some = (facts: Fact[]): Fact[] => facts.filter(([, value]) => value !== '');

/** What would be done, to be checked before it is. */
export function confirmFacts(walk: ActionWalk, words: ActionWords, language: Language): Fact[] {
  const { appointment, opening } = walk;
  const place = opening ?? appointment;
  return some([
    [words.fact.item, itemOf(walk)],
    [words.fact.number, appointment?.number ?? ''],
    [words.fact.hall, place?.hallName ?? ''],
    [words.fact.address, place?.address ?? ''],
    [words.fact.before, appointment && opening ? whenText(appointment, language) : ''],
    [words.fact.time, place ? whenText(place, language) : ''],
  ]);
}

export const appointmentFacts = (one: Appointment, words: ActionWords, language: Language): Fact[] =>
  some([
    [words.fact.number, one.number],
    [words.fact.item, one.itemName],
    [words.fact.hall, one.hallName],
    [words.fact.address, one.address],
    [words.fact.time, whenText(one, language)],
  ]);

export const caseFacts = (one: CaseProgress, words: ActionWords, language: Language): Fact[] =>
  some([
    [words.fact.case, one.number],
    [words.fact.item, one.itemName],
    [words.fact.at, one.step],
    [words.fact.accepted, dayOf(one.acceptedAt, language)],
    [words.fact.due, one.dueAt === null ? '' : dayOf(one.dueAt, language)],
    [words.fact.note, one.note],
  ]);

/** What became of it, in a sentence. */
export function endedText(body: Extract<ThreadBody, { type: 'action_ended' }>, words: ActionWords): string {
  const { outcome, walk } = body;
  switch (outcome.type) {
    case 'done':
      return words.done[walk.kind] ?? '';
    case 'progress':
      return words.progress;
    case 'link':
      return words.link;
    case 'left':
      return words.wasLeft;
    case 'unknown':
      return words.unknown;
    case 'failed':
      return words.failure[outcome.reason];
  }
}

export function endedFacts(
  { outcome }: Extract<ThreadBody, { type: 'action_ended' }>,
  words: ActionWords,
  language: Language,
): Fact[] {
  if (outcome.type === 'done') return appointmentFacts(outcome.appointment, words, language);
  return outcome.type === 'progress' ? caseFacts(outcome.case, words, language) : [];
}

/** What the citizen did, in words. */
export const actionStepText = (body: Extract<ThreadBody, { type: 'action_stepped' }>, words: ActionWords): string =>
  body.step === 'choose' ? body.label : words.step[body.step];

const inLines = (facts: Fact[]): string[] => facts.map(([name, value]) => `${name}：${value}`);

/** Everything that an entry of an action says: for screen readers, reading aloud, consoles. */
export function actionText(body: ActionBody, words: ActionWords): string {
  const name = words.of(words.kind[body.walk.kind], itemOf(body.walk));
  switch (body.type) {
    case 'action_asked':
      return [name, body.gone ? words.gone : '', words.ask[body.ask]].filter(Boolean).join('\n');
    case 'action_confirm':
      return [
        words.confirm(words.kind[body.walk.kind]),
        ...inLines(confirmFacts(body.walk, words, language.value)),
      ].join('\n');
    case 'action_ended':
      return [name, endedText(body, words), ...inLines(endedFacts(body, words, language.value))].join('\n');
  }
}
