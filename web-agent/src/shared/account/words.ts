/** Words of one's own account: password, second factor, devices. */
import { useWords } from '../words';

const zh = {
  title: '账号与安全',
  password: '修改密码',
  factor: '动态验证码',
  devices: '登录设备',
  close: '关闭',
  busy: '正在处理…',
  old: '当前密码',
  next: '新密码',
  rule: '至少 12 个字符，可以用一句话；不能与工号、姓名相同，也不能是常见密码。',
  change: '修改密码',
  changed: '密码已修改，其他设备已退出登录。',
  wrongPassword: '当前密码不正确',
  show: '显示',
  hide: '隐藏',
  weak: (why: string): string =>
    why.includes('12')
      ? '密码太短：至少 12 个字符'
      : why.includes('common')
        ? '密码太常见，请换一个'
        : why.includes('staff number')
          ? '密码不能由工号或姓名组成'
          : why.includes('differ')
            ? '新密码不能与当前密码相同'
            : '密码不符合要求',
  on: '已启用',
  off: '未启用',
  needed: '您的岗位要求使用动态验证码，不能停用。',
  left: (count: string) => `剩余备用码 ${count} 个`,
  proof: '输入当前密码以继续',
  setUp: '绑定身份验证器',
  replace: '更换身份验证器',
  drop: '停用动态验证码',
  dropped: '已停用动态验证码。',
  scan: '用身份验证器扫描二维码，或手动输入密钥：',
  scanLabel: '身份验证器二维码',
  code: '验证器显示的 6 位数字',
  confirm: '确认绑定',
  wrongCode: '验证码不正确',
  stale: '已超时，请重新开始',
  recovery: '备用码（每个只能用一次，仅显示这一次，请妥善保存）',
  copy: '复制备用码',
  copied: '已复制',
  done: '已保存',
  loading: '正在读取…',
  again: '重试',
  current: '当前设备',
  seen: (when: string) => `最近活动 ${when}`,
  began: (when: string) => `登录于 ${when}`,
  way: { password: '密码', totp: '密码 + 动态验证码', recovery: '密码 + 备用码', oidc: '统一登录' },
  end: '退出此设备',
  endNamed: (device: string) => `退出此设备：${device}`,
  unknown: '未知设备',
  none: '没有其他登录设备。',
};

const en: typeof zh = {
  title: 'Account and security',
  password: 'Password',
  factor: 'Second factor',
  devices: 'Devices',
  close: 'Close',
  busy: 'Working…',
  old: 'Present password',
  next: 'New password',
  rule: '12 characters or more, a sentence is welcome; not your staff number or name, and not a common one.',
  change: 'Change the password',
  changed: 'The password is changed; your other devices are logged out.',
  wrongPassword: 'The present password is wrong',
  show: 'Show',
  hide: 'Hide',
  weak: (why) =>
    why.includes('12')
      ? 'Too short: 12 characters or more'
      : why.includes('common')
        ? 'Too common; choose another'
        : why.includes('staff number')
          ? 'It must not be made of your staff number or name'
          : why.includes('differ')
            ? 'It must differ from the present one'
            : 'This password cannot be taken',
  on: 'In use',
  off: 'Not in use',
  needed: 'Your role needs it, so it cannot be turned off.',
  left: (count) => `${count} recovery codes left`,
  proof: 'Your present password, to go on',
  setUp: 'Set up an authenticator',
  replace: 'Change the authenticator',
  drop: 'Turn it off',
  dropped: 'The second factor is turned off.',
  scan: 'Scan it with your authenticator, or type the key:',
  scanLabel: 'QR code for the authenticator',
  code: 'The six digits that it shows',
  confirm: 'Confirm',
  wrongCode: 'The code is wrong',
  stale: 'This took too long; begin again',
  recovery: 'Recovery codes: each is good once; they are shown only now, keep them safe',
  copy: 'Copy the codes',
  copied: 'Copied',
  done: 'They are safe',
  loading: 'Reading…',
  again: 'Try again',
  current: 'This device',
  seen: (when) => `Last seen ${when}`,
  began: (when) => `Logged in ${when}`,
  way: {
    password: 'Password',
    totp: 'Password and code',
    recovery: 'Password and recovery code',
    oidc: 'Common log-in',
  },
  end: 'Log this device out',
  endNamed: (device) => `Log this device out: ${device}`,
  unknown: 'Unknown device',
  none: 'There is no other device.',
};

export const useAccountWords = () => useWords(zh, en);
