/** Texts of descriptions: both languages side by side, so that neither is forgotten. */
import { language } from '../shared/words';

export interface Text {
  zh: string;
  en: string;
}

/** In the current language; reactive where it is called from a template or a computed value. */
export const say = (text: Text): string => text[language.value];
