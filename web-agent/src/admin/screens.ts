/** Which component shows which screen; each is fetched when it is first opened. */
import { defineAsyncComponent, type Component } from 'vue';
import type { ScreenName } from './logic/access';

const components: Record<ScreenName, Component> = {
  units: defineAsyncComponent(() => import('./units/UnitsScreen.vue')),
  staff: defineAsyncComponent(() => import('./staff/StaffScreen.vue')),
  roster: defineAsyncComponent(() => import('./roster/RosterScreen.vue')),
  duty: defineAsyncComponent(() => import('./duty/DutyScreen.vue')),
  numbers: defineAsyncComponent(() => import('./duty/NumbersScreen.vue')),
  staffing: defineAsyncComponent(() => import('./staffing/StaffingScreen.vue')),
  items: defineAsyncComponent(() => import('./items/ItemsScreen.vue')),
  knowledge: defineAsyncComponent(() => import('./knowledge/KnowledgeScreen.vue')),
  policies: defineAsyncComponent(() => import('./plain/PoliciesScreen.vue')),
  queues: defineAsyncComponent(() => import('./plain/QueuesScreen.vue')),
  calendar: defineAsyncComponent(() => import('./calendar/CalendarScreen.vue')),
  conversations: defineAsyncComponent(() => import('./conversations/ConversationsScreen.vue')),
  quality: defineAsyncComponent(() => import('./quality/QualityScreen.vue')),
  tasks: defineAsyncComponent(() => import('./tasks/TasksScreen.vue')),
  messages: defineAsyncComponent(() => import('./messages/MessagesScreen.vue')),
  notices: defineAsyncComponent(() => import('./plain/NoticesScreen.vue')),
  canned: defineAsyncComponent(() => import('./plain/CannedScreen.vue')),
  blocked: defineAsyncComponent(() => import('./plain/BlockedScreen.vue')),
  retention: defineAsyncComponent(() => import('./privacy/RetentionScreen.vue')),
  people: defineAsyncComponent(() => import('./privacy/PeopleScreen.vue')),
  audit: defineAsyncComponent(() => import('./audit/AuditScreen.vue')),
};

export const screenOf = (name: ScreenName): Component => components[name];
