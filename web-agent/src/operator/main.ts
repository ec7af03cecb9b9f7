import { createPinia } from 'pinia';
import { createApp } from 'vue';
import 'element-plus/theme-chalk/base.css';
import 'element-plus/theme-chalk/el-dialog.css';
import 'element-plus/theme-chalk/el-message.css';
import 'element-plus/theme-chalk/el-overlay.css';
import '../shared/tokens.css';
import '../shared/desk.css';
import App from './App.vue';

createApp(App).use(createPinia()).mount('#app');
