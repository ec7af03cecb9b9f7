/** One record being looked at or changed: loading, the draft beside it, saving, and what to do if somebody was faster. */
import { computed, reactive, ref, shallowRef } from 'vue';
import { serverNow } from '../../shared/clock';
import { language, useWords } from '../../shared/words';
import { ApiError, type AdminRecord, type Api, type Body, type Kind, type Version } from '../api';
import { fieldsOf, type Description } from '../kinds/description';
import { copyOf, isSame } from '../logic/diff';
import { clashes, formField, type Clash } from '../logic/draft';
import { problemText } from '../logic/problems';
import { usePlaces } from '../stores/places';
import { useRestored } from '../stores/restored';
import { useRoute } from '../stores/route';
import { useApi } from '../stores/session';
import { useToasts } from '../stores/toasts';
import { useTrouble } from '../useTrouble';

/** Somebody else saved while I was writing. */
export interface Conflict {
  theirs: AdminRecord;
  version: Version | null;
  clashes: Clash[];
}

/** Where records come from and go to. */
export interface Source {
  read: (id: string) => Promise<AdminRecord>;
  /** `version` 0: it is new. */
  write: (id: string, version: number, body: Body, reason: string) => Promise<AdminRecord>;
  /** Without it, nothing is deleted here. */
  remove?: (record: AdminRecord, reason: string) => Promise<void>;
  versions: (id: string) => Promise<Version[]>;
}

export const sourceOf = (api: Api, kind: Kind): Source => ({
  read: (id) => api.record(kind, id),
  write: (id, version, body, reason) => api.save(kind, id, version, body, reason),
  remove: ({ id, version }, reason) => api.remove(kind, id, version, reason),
  versions: (id) => api.versions(kind, id),
});

export interface Hooks {
  /** It is there now, or there in another state. */
  saved: (record: AdminRecord) => void;
  removed: (id: string) => void;
  /** What a new one begins with, beside the description's own. */
  preset?: Body | undefined;
  /** The code of a new one, if it is not to be chosen. */
  presetId?: string | undefined;
  /** Other than the records of the description's kind. */
  source?: Source | undefined;
}

export function useEditor(description: Description, first: string | null, hooks: Hooks) {
  const source = hooks.source ?? sourceOf(useApi(), description.kind as Kind);
  const places = usePlaces();
  const toasts = useToasts();
  const restored = useRestored();
  const trouble = useTrouble();
  const route = useRoute();
  const words = useWords(
    {
      saved: '已保存',
      removed: (name: string) => `已删除 ${name}`,
      undo: '撤销',
      restored: '已恢复',
      required: '必填',
      gone: '这条记录已被他人删除，保存将重新创建',
      taken: '这个代码已被使用',
    },
    {
      saved: 'Saved',
      removed: (name) => `${name} was deleted`,
      undo: 'Undo',
      restored: 'Restored',
      required: 'Required',
      gone: 'Somebody deleted it; saving makes it again',
      taken: 'This code is taken',
    },
  );

  const id = ref(first);
  const typedId = ref(hooks.presetId ?? '');
  const record = shallowRef<AdminRecord | null>(null);
  /** What the draft was made from. */
  const base = shallowRef<Body>({});
  const draft = ref<Body>({});
  const reason = ref('');
  const errors = reactive<Record<string, string>>({});
  const problem = ref('');
  const isLoading = ref(false);
  const isBusy = ref(false);
  const conflict = shallowRef<Conflict | null>(null);
  const versions = shallowRef<Version[] | null>(null);

  const isNew = computed(() => id.value === null);
  const isDirty = computed(
    () =>
      !isLoading.value &&
      (!isSame(base.value, draft.value) || (isNew.value && typedId.value !== (hooks.presetId ?? ''))),
  );
  route.guard(() => isDirty.value);

  const teamUnit = (team: string) => places.team(team)?.body.unit ?? null;
  /** The unit by which the right to change is judged: a unit is judged by itself. */
  const place = computed(() =>
    description.kind === 'unit' && id.value ? id.value : description.unitOf(draft.value, teamUnit),
  );
  const mayChange = computed(() =>
    places.may(description.action, place.value, description.kind === 'item' ? id.value : null),
  );

  function take(next: AdminRecord) {
    record.value = next;
    id.value = next.id;
    base.value = copyOf(next.body);
    draft.value = copyOf(next.body);
    reason.value = '';
    clearProblems();
  }

  function clearProblems() {
    for (const field of Object.keys(errors)) delete errors[field];
    problem.value = '';
  }

  async function load() {
    clearProblems();
    if (id.value === null) {
      const body = { ...description.fresh(serverNow()), ...hooks.preset };
      base.value = copyOf(body);
      draft.value = body;
      return;
    }
    isLoading.value = true;
    try {
      take(await source.read(id.value));
      void loadVersions();
    } catch (error) {
      problem.value = trouble.wording(error);
    } finally {
      isLoading.value = false;
    }
  }

  async function loadVersions() {
    if (id.value === null) return;
    try {
      versions.value = await source.versions(id.value);
    } catch (error) {
      trouble.tell(error);
    }
  }

  /** The fields that cannot be sent as they are. */
  function check(): boolean {
    clearProblems();
    for (const field of fieldsOf(description)) {
      const value = draft.value[field.key];
      if (field.isRequired && (value === '' || value === null || value === undefined))
        errors[field.key] = words.value.required;
    }
    if (isNew.value && 'typed' in description.id && !typedId.value.trim()) errors.id = words.value.required;
    return Object.keys(errors).length === 0;
  }

  function refuse(error: unknown) {
    const keys = fieldsOf(description).map(({ key }) => key);
    const field = error instanceof ApiError ? formField(error.field, keys) : null;
    if (field && error instanceof ApiError) errors[field] = problemText(error.detail, language.value);
    else problem.value = trouble.wording(error);
  }

  async function collide() {
    const key = id.value;
    if (key === null) {
      errors.id = words.value.taken;
      return;
    }
    try {
      const theirs = await source.read(key);
      const found = await source.versions(key);
      versions.value = found;
      conflict.value = {
        theirs,
        version: found[0] ?? null,
        clashes: clashes(base.value, theirs.body, draft.value),
      };
    } catch (error) {
      if (error instanceof ApiError && error.code === 'not_found') {
        // Removed meanwhile: the next saving makes it anew.
        record.value = null;
        problem.value = words.value.gone;
      } else refuse(error);
    }
  }

  async function write(key: string, version: number, body: Body): Promise<boolean> {
    isBusy.value = true;
    try {
      const next = await source.write(key, version, body, reason.value.trim());
      take(next);
      conflict.value = null;
      toasts.show(words.value.saved);
      void loadVersions();
      hooks.saved(next);
      return true;
    } catch (error) {
      if (error instanceof ApiError && error.code === 'outdated') await collide();
      else refuse(error);
      return false;
    } finally {
      isBusy.value = false;
    }
  }

  async function save(): Promise<boolean> {
    if (isBusy.value || !check()) return false;
    const key = id.value ?? ('typed' in description.id ? typedId.value.trim() : description.id.made(draft.value));
    return write(key, record.value?.version ?? 0, draft.value);
  }

  /** After a conflict: what was decided becomes the next state. */
  const settle = (body: Body) =>
    conflict.value ? write(conflict.value.theirs.id, conflict.value.theirs.version, body) : null;

  /** After a conflict: mine is given up. */
  function takeOver() {
    if (conflict.value) take(conflict.value.theirs);
    conflict.value = null;
  }

  function discard() {
    draft.value = copyOf(base.value);
    typedId.value = hooks.presetId ?? '';
    reason.value = '';
    clearProblems();
  }

  const restore = (version: Version) =>
    version.body && id.value !== null ? write(id.value, record.value?.version ?? 0, version.body) : null;

  async function remove() {
    const old = record.value;
    if (!old || isBusy.value || !source.remove) return;
    isBusy.value = true;
    try {
      await source.remove(old, reason.value.trim());
      // Nothing is unsaved any more.
      draft.value = copyOf(base.value);
      hooks.removed(old.id);
      const undo = async () => {
        try {
          await source.write(old.id, 0, old.body, '');
          restored.note();
          toasts.show(words.value.restored);
        } catch (error) {
          trouble.tell(error);
        }
      };
      const name = description.nameOf(old);
      toasts.show(words.value.removed(name), { action: { name: words.value.undo, run: () => void undo() } });
    } catch (error) {
      if (error instanceof ApiError && error.code === 'outdated') await collide();
      else refuse(error);
    } finally {
      isBusy.value = false;
    }
  }

  return reactive({
    description,
    id,
    typedId,
    presetId: hooks.presetId ?? null,
    record,
    draft,
    reason,
    errors,
    problem,
    isLoading,
    isBusy,
    isNew,
    isDirty,
    mayChange,
    mayRemove: source.remove !== undefined,
    conflict,
    versions,
    load,
    save,
    settle,
    takeOver,
    discard,
    restore,
    remove,
  });
}

export type Editor = ReturnType<typeof useEditor>;
