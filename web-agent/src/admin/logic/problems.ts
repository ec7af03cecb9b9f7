/** The server's words on a field, in the reader's language. It speaks English to developers; the interface owns wording. */
import type { Language } from '../../shared/words';

const patterns: readonly [RegExp, (...parts: string[]) => string][] = [
  [/^must not be empty$|^is missing$|^missing field/, () => '必填'],
  [/^must have at least (\d+) characters$/, (count) => `至少 ${count} 个字`],
  [/^must have at most (\d+) characters$/, (count) => `最多 ${count} 个字`],
  [/^must have at most (\d+) parts$/, (count) => `最多 ${count} 项`],
  [/^must not begin or end with a blank$/, () => '首尾不能有空格'],
  [/^must be one line/, () => '只能写一行'],
  [/^must not have control characters$/, () => '含有不可见的控制字符'],
  [/^is named twice$/, () => '重复'],
  [/^must be 1 to 64 small letters/, () => '只能用小写字母、数字、- _ .，最长 64 位'],
  [/^must be 1 to 32 letters/, () => '只能用文字、字母、数字、- _，最长 32 位'],
  [/^must be (\d+) to (\d+)$/, (from, to) => `须在 ${from} 到 ${to} 之间`],
  [/^must be at most (\d+)$/, (most) => `不能超过 ${most}`],
  [/^must be later than from$/, () => '须晚于开始时间'],
  [/^must not be before validFrom$/, () => '不能早于首日'],
  [/^must not be before first$/, () => '不能早于第一天'],
  [/^must be within (\d+) days of first$/, (days) => `最多 ${days} 天，更长的请直接修改单位的服务时段`],
  [/^must be a year/, () => '须为四位年份，如 2027'],
  [/: (\d{4}-\d\d-\d\d) is not in (\d{4})$/, (date, year) => `${date} 不在 ${year} 年`],
  [/: (\d{4}-\d\d-\d\d) is listed twice$/, (date) => `${date} 重复`],
  [/: (\d{4}-\d\d-\d\d) is in days_off and in work_days$/, (date) => `${date} 既放假又上班`],
  [/^closes teams, so no items can be named$/, () => '停止人工服务按技能组生效，不能按事项：请清空涉及事项'],
  [/^must be a time of the day/, () => '须为时间，如 09:00'],
  [/^must name a day/, () => '至少选一天'],
  [/^must be HH:MM-HH:MM/, () => '时段须为 时:分–时:分，并晚于前一段'],
  [/^must be more than (\w+)$/, (field) => `须大于${steps[field] ?? ` ${field}`}`],
  [/^must be the id of a citizen \(ct_/, () => '须为市民编号 ct_… 或会话编号 cv_…'],
  [/^must name one, because the item has a direct line$/, () => '开通热线直转须填至少一个电话'],
  [/^no such (\w+)/, (what) => `没有这个${things[what] ?? ` ${what}`}`],
  [/^there is no (\w+) "(.*)"$/, (what, code) => `没有${things[what] ?? ` ${what} `}“${code}”`],
  [/^have (\d+) points together, not (\d+)$/, (sum, full) => `各题分值合计 ${sum} 分，须为 ${full} 分`],
  [/^a number or a percentage is needed$/, () => '数量和比例须填一项'],
  [/^either a number or a percentage$/, () => '数量和比例只能填一项'],
  [/^is no team of the unit$/, () => '不是该单位的技能组'],
  [/^is not a district$/, () => '不是区'],
  [/^is not a district that the unit is below$/, () => '该单位不在这个区之下'],
  [/^a district is below the city$/, () => '区的上级只能是市'],
  [/^is below the unit itself$/, () => '不能移到自己的下级之下'],
  [/^has the policy "(.*)" already$/, () => '同样范围已有策略'],
  [/^must not stand beside an item/, () => '技能组与事项只能填一个'],
  [/^must have either percent or seconds$/, () => '须填百分比或秒数'],
  [/^must be one of (\w+) and (\w+)$/, () => '这种承诺不能有这个动作'],
  [/^may only have links to/, () => '链接只能指向 https://….gov.cn 的官方页面'],
  [/^may only have pictures that were uploaded here/, () => '只能使用在此上传的图片，写作 ![说明](编号)'],
  [/^must say what each picture shows/, () => '每张图片都要在方括号中写明图片内容'],
  [/^must have at most (\d+) pictures and documents$/, (most) => `图片和附件合计最多 ${most} 个`],
  [/^names a file that is not here: (fl_\w+)$/, (file) => `引用的文件不存在或无权使用：${file}`],
  [/^shows as a picture what is none: (fl_\w+)$/, (file) => `不是图片，请去掉感叹号作为附件引用：${file}`],
  [/^must have the addresses of links in their place/, () => '链接地址须写在链接处，不能单独定义'],
  [/^must be the one district whose detail it is$/, () => '区级细则须且只能选择一个区'],
  [/^must be after validFrom$/, () => '须晚于生效时间'],
  [/^is over before the answer begins$/, () => '失效时间已过，发布后不会生效'],
  [/^belongs to (\S+), which owns its official answer$/, (unit) => `该事项的口径归 ${unit}，请选择其主管部门`],
  [/^is no situation of these items$/, () => '不是这些事项的情形'],
  [/^is no district$/, () => '不是区'],
  [/^is no item$/, () => '没有这个事项'],
  [/^is no unit$/, () => '没有这个单位'],
  [/^local detail belongs to a unit of the district$/, () => '区级细则的责任单位须属于该区'],
  [/^is no other entry$/, () => '没有这个条目'],
  [/^belongs to another unit$/, () => '该条目属于其他单位'],
  [/^whoever has written in a revision does not review it$/, () => '写过这一版的人不能审核'],
  [
    /^fits none of the situations in which it can be chosen$/,
    () => '选了它就没有符合的情形：请为它补充情形，或让某个情形也勾选它',
  ],
  [/^no question tells it apart from situations\[(\d+)\]$/, (n) => `没有问题能把它与情形 ${Number(n) + 1} 区分开`],
  [/^no answers lead to it$/, () => '没有任何回答会走到这个情形'],
  [/^is not asked on a way to it/, () => '有的走法不会问到它勾选的问题：请取消勾选，或补充其他回答对应的情形'],
  [/^there are too many ways through them$/, () => '问题组合太多，请减少问题或选项'],
  [/^only one choice may stand for all other districts$/, () => '只能有一个选项代表其余各区'],
  [/^may only be a link to/, () => '只能是 https://….gov.cn 的官方链接'],
  [/^is no situation of the item$/, () => '不是该事项的情形'],
  [/^is blocked by "(.*)" already$/, () => '该访客已在黑名单中'],
];

const steps: Record<string, string> = { warnSeconds: '提醒时间', alertSeconds: '告警时间' };
const things: Record<string, string> = {
  unit: '单位',
  team: '技能组',
  score_card: '评分卡',
  item: '事项',
  district: '区',
  agent: '工作人员',
  citizen: '市民',
};

/** An unknown sentence is shown as it is: better English than nothing. */
export function problemText(detail: string, language: Language): string {
  if (language === 'en') return detail;
  for (const [pattern, words] of patterns) {
    const match = pattern.exec(detail);
    if (match) return words(...match.slice(1).map((part) => part ?? ''));
  }
  return detail;
}
