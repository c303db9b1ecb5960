// Sign in with a passkey: hands the button and the form of the sign-in page to allauth's WebAuthn module.
window.allauth.webauthn.forms.loginForm({ ids: { login: "passkey_login", credential: "mfa_credential" } });
