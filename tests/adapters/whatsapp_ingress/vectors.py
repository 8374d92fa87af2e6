"""Requests whose signatures are known: the libraries' own, and WhatsApp's as `twilio` signs them.

The sources are twilio-python's, twilio-ruby's and twilio-go's tests, and vercel/chat's.
"""

from collections.abc import Mapping

TOKEN = "12345"
TOKEN_OF_OURS = "0123456789abcdef" * 2
ACCOUNT = "AC" + "0" * 31 + "1"
SID = "SM" + "0" * 31 + "1"
PUBLIC, PATH = "https://gw.example.com", "/webhooks/twilio/whatsapp"

Pairs = tuple[tuple[str, str], ...]

U = "https://mycompany.com/myapp.php?foo=1&bar=2"
W = PUBLIC + PATH
JSON_HASH = "0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620"
JSON_BODY = b'{"property": "value", "boolean": true}'


def pairs(fields: Mapping[str, str], **changes: str) -> Pairs:
    return tuple({**fields, **changes}.items())


P = {
    "CallSid": "CA1234567890ABCDE",
    "Digits": "1234",
    "From": "+14158675309",
    "To": "+18005551212",
    "Caller": "+14158675309",
}
B = {
    "SmsMessageSid": SID,
    "NumMedia": "0",
    "ProfileName": "Ana",
    "MessageType": "text",
    "SmsSid": SID,
    "WaId": "15551230000",
    "SmsStatus": "received",
    "Body": "hello",
    "To": "whatsapp:+14155238886",
    "NumSegments": "1",
    "ReferralNumMedia": "0",
    "MessageSid": SID,
    "AccountSid": ACCOUNT,
    "From": "whatsapp:+15551230000",
    "ApiVersion": "2010-04-01",
}
MEDIA = {
    "Body": "",
    "NumMedia": "1",
    "MessageType": "image",
    "MediaContentType0": "image/jpeg",
    "MediaUrl0": "https://api.twilio.com/2010-04-01/Accounts/AC/Messages/MM/Media/ME",
}
BUTTON = {
    "Body": "Yes",
    "ButtonText": "Yes",
    "ButtonPayload": "confirm:42",
    "MessageType": "button",
    "OriginalRepliedMessageSid": "SM" + "0" * 31 + "9",
    "OriginalRepliedMessageSender": "whatsapp:+14155238886",
}
STATUS = {
    "SmsSid": SID,
    "SmsStatus": "delivered",
    "MessageStatus": "delivered",
    "To": "whatsapp:+15551230000",
    "MessageSid": SID,
    "AccountSid": ACCOUNT,
    "From": "whatsapp:+14155238886",
    "ApiVersion": "2010-04-01",
    "ChannelToAddress": "+15551230000",
    "ChannelPrefix": "whatsapp",
    "ChannelInstallSid": "XE" + "0" * 32,
}

_MOVED = {"From": "+12349013030", "Caller": "+12349013030"}
_DIGITS = (
    ("Sid", "CA123"),
    ("SidAccount", "AC123"),
    *(("Digits", d) for d in ("5678", *["1234"] * 2)),
)
_USER = U.replace("://", "://user:pass@")
_ONE = "RSOYDt4T1cUTdK1PDd93/VVr8B8="

# The URL that we know, what came, and the signature that came with it.
OFFICIAL: dict[str, tuple[str, Pairs, str]] = {
    "1": (U, pairs(P), _ONE),
    "2": (U.replace(".com", ".com:1234"), pairs(P), _ONE),
    "3": (
        U.replace("https", "http").replace(".com", ".com:1234"),
        pairs(P),
        "Zmvh+3yNM1Phv2jhDCwEM3q5ebU=",
    ),
    "4": (U, pairs(P), "kvajT1Ptam85bY51eRf/AJRuM3w="),
    "5": (U.replace("https", "http"), pairs(P), "0ZXoZLH/DfblKGATFgpif+LLRf4="),
    "8": (U, _DIGITS, "IK+Dwps556ElfBT0I3Rgjkr1wJU="),
    "9": (_USER, pairs(P), "CukzLTc1tT5dXEDIHm/tKBanW10="),
    "10": (U.replace("://", "://user@"), pairs(P), "2YRLlVAflCqxaNicjMpJcSTgzSs="),
    "11": (_USER, pairs(P), "ZQFR1PTIZXF2MXB8ZnKCvnnA+rI="),
    "12": ("https://mycompany.com/myapp", pairs(P, **_MOVED), "3KI2uRuYyAdhZIJXcpU0izDUzWI="),
    "13": (U, pairs(P, **_MOVED), "0/KCTR6DLpKmkAf8muzZqo1nDgQ="),
}
WHATSAPP: dict[str, tuple[str, Pairs, str]] = {
    "v01": (W, pairs(B), "XkjIT4ukXl1EWgN2RNU6Gp2o/74="),
    "v02": (W, pairs(B, **MEDIA), "oIRbSneB5E7FEXnuhdP9+06YdA8="),
    "v03": (
        W,
        pairs(B, Body="¡Olé! 👍🏽 日本語", ProfileName="Zoë 🦊"),
        "Kpgypc9hiMS7yEm+v6sn4gAAxJo=",
    ),
    "v04": (W, pairs(B, Body=r'a+b & c=d 100% \ "q"'), "ypbR3K4DHA0eB5XHLJsrYv/YJ5o="),
    "v05": (W, pairs(B, Body="line1\r\nline2\n "), "ImnkVJan5zZBOIfrveesgQzuJ94="),
    "v06": (f"{W}?tenant=a%20b&x=%7E&y=", pairs(B), "pp00E+kxxMGIJ1dNK1RMcoKMFNo="),
    "v07": (f"{W}/", pairs(B), "qLF9LuLO8pxxe9UIZxJJItL9Xqo="),
    "v08": (W.replace(".com", ".com:8443"), pairs(B), "0rH4gga6Lxp/QICoY5TxbPFGG5M="),
    "v09": (W.replace(".com", ".com:443"), pairs(B), "WR/AcfMNgBisL4+dOrpFraPZgv0="),
    "v10": (W.replace("https", "http"), pairs(B), "9Rmi+caiiXTwmBRLYA4TDnX/28w="),
    "v11": (
        W,
        (*pairs(B), *(("MediaUrl0", url) for url in "baa")),
        "ndFshplC8hQ/ZzHSNeZSsTbGuOI=",
    ),
    "v12": (W, pairs({"b": "1", "A": "2", "a": "3", "B": "4"}), "ht9B0VAO3e7P/hbjUzTfEqCCVNk="),
    "v13": (f"{W}?MessageSid={SID}", (), "QXa4ZJiEkouQJjhtIzz6g8lAc4Y="),
    "v15": (f"{W}/status", pairs(STATUS), "aN9wAJx3D279JWV/dk8dW5mGAzc="),
    "v17": (W, pairs(B, **BUTTON), "Pna4fG1Yt9SaoFJDLnCa9wGz8tA="),
}
V16 = "3oWpNEI+5RxsGho1eZ8/vmGRpGhOqsD+djp/H1XgEcg="  # v01, with SHA-256

# JSON: the URL, the body, the token and the signature.
BODIES: dict[str, tuple[str, bytes, str, str]] = {
    "6": (f"{U}&bodySHA256={JSON_HASH}", JSON_BODY, TOKEN, "a9nBmqA0ju/hNViExpshrM61xv4="),
    "7": (
        f"https://mycompany.com/myapp.php?bodySHA256={JSON_HASH}",
        JSON_BODY,
        TOKEN,
        "y77kIzt2vzLz71DgmJGsen2scGs=",
    ),
    "v14": (
        f"{W}?bodySHA256=f1899de414a50b27e5e783e8625531c113031f2dc3b4157f3bfad6d0d820509d",
        '{"a":"é","n":1}'.encode(),
        TOKEN_OF_OURS,
        "v3SjXfRhSiFnOlb5EP8Pxtyd7qo=",
    ),
}
