/** Names of what entries of the knowledge base are and go through. */
import type { EntryState, Kinship, Origin, RevisionState } from '../../generated/protocol';
import { useWords } from '../words';

export const STATES: readonly EntryState[] = ['draft', 'in_review', 'scheduled', 'published', 'expired', 'retired'];

export const MARKS: Record<EntryState, string> = {
  draft: 'm-plain',
  in_review: 'm-risk',
  scheduled: 'm-plain',
  published: 'm-ok',
  expired: 'm-breach',
  retired: 'm-plain',
};

interface KnowledgeWords {
  state: Record<EntryState, string>;
  revision: Record<RevisionState, string>;
  origin: Record<Origin, string>;
  kinship: Record<Kinship, string>;
}

export const useKnowledgeWords = () =>
  useWords<KnowledgeWords>(
    {
      state: {
        draft: '草稿',
        in_review: '待审',
        scheduled: '待生效',
        published: '已生效',
        expired: '已过期',
        retired: '已停用',
      },
      revision: { draft: '草稿', in_review: '待审', published: '已发布', discarded: '已放弃' },
      origin: { editor: '编辑', write_back: '帮办写回', import: '导入', demo: '演示数据' },
      kinship: { duplicate: '重复', contradiction: '矛盾', near: '相近' },
    },
    {
      state: {
        draft: 'Draft',
        in_review: 'In review',
        scheduled: 'Scheduled',
        published: 'In force',
        expired: 'Expired',
        retired: 'Retired',
      },
      revision: { draft: 'Draft', in_review: 'In review', published: 'Published', discarded: 'Given up' },
      origin: { editor: 'Editor', write_back: 'Written back', import: 'Import', demo: 'Demo' },
      kinship: { duplicate: 'Duplicate', contradiction: 'Contradiction', near: 'Near' },
    },
  );
