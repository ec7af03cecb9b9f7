/** Words of the page around the description, which is in English like the code that it describes. */
import { useWords } from '../shared/words';

const zh = {
  title: '接口文档',
  loading: '正在读取接口描述…',
  failed: '接口描述读取失败。',
  retry: '重试',
  search: '按路径或说明查找',
  none: '没有匹配的接口',
  download: '下载 openapi.json',
  language: 'English',
  anybody: '无需令牌',
  token: (names: string) => `令牌：${names}`,
  parameters: '参数',
  body: '请求正文',
  replies: '应答',
  types: '数据类型',
  required: '必填',
  where: { path: '路径', query: '查询', header: '请求头', cookie: 'Cookie' } as Record<string, string>,
};

const en: typeof zh = {
  title: 'API description',
  loading: 'Loading the description…',
  failed: 'The description cannot be loaded.',
  retry: 'Try again',
  search: 'Find by path or text',
  none: 'No route matches',
  download: 'Download openapi.json',
  language: '中文',
  anybody: 'No token needed',
  token: (names) => `Token: ${names}`,
  parameters: 'Parameters',
  body: 'Body',
  replies: 'Replies',
  types: 'Types',
  required: 'required',
  where: { path: 'path', query: 'query', header: 'header', cookie: 'cookie' },
};

export const useDocsWords = () => useWords(zh, en);
