/* Making nodes: from the page's templates, and buttons that copy. */

export const $ = (id) => document.getElementById(id);

/* A new copy of a template's element. */
export const copyOf = (template) => $(template).content.firstElementChild.cloneNode(true);

/* Say it to those who listen instead of looking. */
export const speak = (text) => ($("spoken").textContent = text);

/* Let a button copy what `text` returns. */
export function copies(button, text) {
  button.hidden = !navigator.clipboard; // missing on plain http
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(text());
    speak("Copied");
    button.classList.add("copied");
    setTimeout(() => button.classList.remove("copied"), 2000);
  });
}
