/* Calls to the server. Where it wants everybody to be somebody, this browser becomes a visitor. */

import { recall, remember } from "./store.js";

/* Why the server made no visitor of this browser, in its own words; null if it did not say. */
export let reason = null;

/* As fetch; what is refused for want of a token is asked once more with a new one. */
export async function call(url, init = {}) {
  const token = recall("token");
  const response = await fetch(url, signed(init, token));
  if (response.status !== 401 || !(await newToken(token))) return response;
  return fetch(url, signed(init, recall("token")));
}

function signed(init, token) {
  return token ? { ...init, headers: { ...init.headers, Authorization: `Bearer ${token}` } } : init;
}

/* Tabs share the token: only one may change it at a time, or they would end each other's. */
function newToken(refused) {
  const renew = async () => {
    const token = recall("token");
    if (token !== refused) return true; // another tab was faster
    return (token && (await take("/api/v1/visitor/refresh", token))) || take("/api/v1/visitor", null);
  };
  return navigator.locks ? navigator.locks.request("gateway.token", renew) : renew();
}

async function take(url, token) {
  const response = await fetch(url, signed({ method: "POST" }, token)).catch(() => null);
  const pass = await response?.json().catch(() => null);
  if (!response?.ok || !pass) {
    reason = pass?.error?.message ?? null;
    return false;
  }
  remember("token", pass.token);
  return true;
}
