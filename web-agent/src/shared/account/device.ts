/** What people call a browser, from what it calls itself. Only what can be said for sure. */
const BROWSERS: [RegExp, string][] = [
  [/MicroMessenger\//, '微信'],
  [/Edg\//, 'Edge'],
  [/QQBrowser\//, 'QQ 浏览器'],
  [/QIHU|360SE|360EE/, '360 浏览器'],
  [/Firefox\//, 'Firefox'],
  [/Chrome\//, 'Chrome'],
  [/Version\/.*Safari\//, 'Safari'],
];
const SYSTEMS: [RegExp, string][] = [
  [/HarmonyOS|OpenHarmony/, 'HarmonyOS'],
  [/Android/, 'Android'],
  [/iPhone|iPad/, 'iOS'],
  [/Windows/, 'Windows'],
  [/Mac OS X/, 'macOS'],
  [/UOS|Deepin/i, 'UOS'],
  [/Kylin/i, '麒麟'],
  [/Linux/, 'Linux'],
];

const first = (of: [RegExp, string][], text: string) => of.find(([pattern]) => pattern.test(text))?.[1] ?? '';

/** E.g. `Edge · Windows`; empty: nothing is known. */
export function deviceName(agent: string): string {
  return [first(BROWSERS, agent), first(SYSTEMS, agent)].filter((one) => one !== '').join(' · ');
}
