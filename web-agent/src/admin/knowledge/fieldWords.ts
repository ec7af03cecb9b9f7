/** What the fields of a revision are called. */
import type { EntryField } from '../../generated/protocol';
import { useWords } from '../../shared/words';

export const useFieldWords = () =>
  useWords<Record<EntryField, string>>(
    {
      question: '标准问题',
      similar: '相似问法',
      answer: '答复口径',
      files: '图片和附件',
      spoken: '播报短答',
      items: '事项',
      situations: '情形',
      districts: '适用区',
      audience: '适用对象',
      source: '依据',
      clause: '条款',
      validFrom: '生效时间',
      validTo: '失效时间',
      supersedes: '替代条目',
      base: '补充的市级条目',
    },
    {
      question: 'Question',
      similar: 'Also asked as',
      answer: 'Answer',
      files: 'Pictures and documents',
      spoken: 'Spoken answer',
      items: 'Items',
      situations: 'Situations',
      districts: 'Districts',
      audience: 'For whom',
      source: 'Source',
      clause: 'Clause',
      validFrom: 'In force from',
      validTo: 'In force until',
      supersedes: 'Supersedes',
      base: 'Adds to',
    },
  );
