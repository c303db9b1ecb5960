// Passkeys: hands each button that says data-passkey="login", "add" or "authenticate" to allauth's WebAuthn module, and tells the
// visitor when the device did not help.
for (const button of document.querySelectorAll("[data-passkey]")) {
  const kind = button.dataset.passkey;
  const ids = { [kind]: button.id, credential: button.dataset.credential };
  if (button.dataset.passwordless) ids.passwordless = button.dataset.passwordless;
  if (document.getElementById("passkey_data")) ids.data = "passkey_data";
  window.allauth.webauthn.forms[`${kind}Form`]({ ids });
}

document.addEventListener("allauth.error", (event) => {
  event.preventDefault();
  document.getElementById("passkey_said").replaceChildren(document.getElementById("passkey_failed").content.cloneNode(true));
});
