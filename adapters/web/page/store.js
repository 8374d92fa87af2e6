/* What outlives a reload; where storage is forbidden or full, what outlives a click. */

const memory = new Map();

export function recall(key) {
  if (memory.has(key)) return memory.get(key);
  try {
    return JSON.parse(localStorage.getItem(`gateway.${key}`));
  } catch {
    return null;
  }
}

export function remember(key, value) {
  memory.delete(key);
  try {
    localStorage.setItem(`gateway.${key}`, JSON.stringify(value));
  } catch {
    memory.set(key, value);
  }
}
