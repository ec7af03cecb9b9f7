/** What a revision says while somebody begins to write it. */
import type { EntryContent } from '../../generated/protocol';

export const emptyContent = (): EntryContent => ({
  question: '',
  similar: [],
  answer: '',
  spoken: '',
  items: [],
  situations: [],
  districts: [],
  audience: 'both',
  source: '',
  clause: '',
  validFrom: null,
  validTo: null,
  supersedes: null,
  base: null,
  files: [],
});
