import { createApp } from 'vue';
import '../shared/tokens.css';
import App from './App.vue';
import { resetPreferences } from './logic/preferences';
import { forgetPerson } from './logic/shared-device';
import { startAnewKey } from './logic/startAnew';

function run(): void {
  const app = createApp(App);
  // Everything that the page knows of a person lives in the app: it is given up as a whole.
  app.provide(startAnewKey, () => {
    app.unmount();
    forgetPerson();
    resetPreferences();
    run();
  });
  app.mount('#app');
}

run();
