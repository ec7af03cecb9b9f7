/** What is asked of a receipt: the fields, and what is wrong with them before anything is sent. Pure. */

export type Field = 'receipt' | 'phoneEnd';

export interface Filled {
  receipt: string;
  phoneEnd: string;
}

/** As it stands on the receipt: people leave out the dash, write small letters and full-width digits. */
export function tidied({ receipt, phoneEnd }: Filled): Filled {
  const plain = (text: string) => text.normalize('NFKC').replace(/\s/g, '');
  const number = plain(receipt).toUpperCase();
  return { receipt: number.replace(/^([A-Z]{2}\d{8})(\d{4,})$/, '$1-$2'), phoneEnd: plain(phoneEnd) };
}

/** The fields that have to be mended, in the order of the form; of a tidied form. */
export function wrongFields({ receipt, phoneEnd }: Filled): Field[] {
  const wrong: Field[] = [];
  if (!/^[A-Z]{2}\d{8}-\d{4,}$/.test(receipt)) wrong.push('receipt');
  if (!/^\d{4}$/.test(phoneEnd)) wrong.push('phoneEnd');
  return wrong;
}

/** The number behind `#` in the page's address, which goes to no server. */
export function numberOf(hash: string): string {
  const text = hash.replace(/^#/, '');
  return /^[A-Za-z0-9-]{1,32}$/.test(text) ? text : '';
}
