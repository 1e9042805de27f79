// Answers as EC2 writes them: an element for each field, and `<item>` for each entry of a list.

export type Xml = string | number | boolean | readonly Xml[] | { readonly [name: string]: Xml | undefined };

export function answerXml(action: string, fields: { readonly [name: string]: Xml | undefined }): string {
  const response = `${action}Response`;
  return `${declaration}<${response} xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">${render({ requestId: 'stand-in', ...fields })}</${response}>`;
}

export function errorXml(code: string, message: string): string {
  const error = { Errors: { Error: { Code: code, Message: message } }, RequestID: 'stand-in' };
  return `${declaration}<Response>${render(error)}</Response>`;
}

const declaration = '<?xml version="1.0" encoding="UTF-8"?>\n';

function render(value: Xml): string {
  if (isList(value)) return value.map((item) => `<item>${render(item)}</item>`).join('');
  if (typeof value === 'object') {
    return Object.entries(value)
      .map(([name, field]) => (field === undefined ? '' : `<${name}>${render(field)}</${name}>`))
      .join('');
  }
  return String(value).replace(/[&<>]/g, (character) => entities[character] ?? character);
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

function isList(value: Xml): value is readonly Xml[] {
  return Array.isArray(value);
}
