/** Sentences that agents write many times a day. They are ordinary messages, not official answers. */

export interface Phrase {
  title: { zh: string; en: string };
  text: { zh: string; en: string };
}

export const phrases: readonly Phrase[] = [
  {
    title: { zh: '问候', en: 'Greeting' },
    text: {
      zh: '您好，我是帮办员{me}，很高兴为您服务。您的问题我已看到，请稍等，我马上为您核对。',
      en: 'Hello, this is {me}. I have read your question and am checking it now.',
    },
  },
  {
    title: { zh: '请稍候', en: 'One moment' },
    text: { zh: '正在为您查询，请稍候，预计一两分钟内回复您。', en: 'I am looking it up; one or two minutes, please.' },
  },
  {
    title: { zh: '确认信息', en: 'Ask for details' },
    text: {
      zh: '为了准确答复，请您补充一下办理情形和目前进行到的步骤（请勿发送完整证件号码）。',
      en: 'To answer exactly: which case is yours, and which step are you at? (Please send no full id numbers.)',
    },
  },
  {
    title: { zh: '还有其他问题吗', en: 'Anything else?' },
    text: {
      zh: '请问以上答复解决您的问题了吗？还有其他需要帮助的吗？',
      en: 'Does this answer it? Is there anything else?',
    },
  },
  {
    title: { zh: '结束语', en: 'Goodbye' },
    text: { zh: '感谢您的咨询，祝您办事顺利！欢迎对本次服务作出评价。', en: 'Thank you; please rate this service.' },
  },
];
