"""English; what every other language falls back to."""

from core.languages.words import Words

WORDS = Words(
    help_intro="Write to me, and I answer. I remember what was said in this conversation.",
    help={
        "help": ("[command]", "shows this, or tells more of one command"),
        "new": ("", "starts this conversation afresh"),
        "stop": ("", "ends an answer that is too long"),
        "persona": ("[name]", "shows who can answer here, or chooses one; `usual` undoes it"),
        "model": ("[name]", "shows the models, or chooses one; `usual` undoes it"),
        "usage": ("", "shows what you used, and what is left"),
        "link": (
            "[code]",
            (
                "gives a code; typed on another platform it proves that you are the same person"
                " there, and our conversations become one. With `apart` behind the code they stay"
                " apart"
            ),
        ),
        "unlink": ("", "makes you a person of your own here again"),
        "export": ("", "gives you what was said"),
        "forget": ("", "deletes all that we two said, on every linked platform"),
        "about": ("", "tells what I am"),
    },
    about="I am {name} {version}, an AI, not a person. My answers come from {model}, and may be"
    " wrong.",
    about_demo="I am {name} {version}, an AI program, not a person. This is a demonstration: no"
    " model answers here, I only repeat and count.",
    about_help="`!help` shows what you can tell me.",
    fresh="We start afresh: what was said so far is no longer part of this conversation.",
    stopped="Stopped.",
    nothing_runs="There is no answer to stop.",
    alone="That is between us two: write it to me alone, not where others read along.",
    stranger="I don't know who you are here, so I can't do that.",
    personas="These can answer here:\n\n{list}\n\nNow: {now}. `!persona name` chooses one.",
    personas_none="There is nobody else here who could answer.",
    persona_unknown="I don't know “{name}”. These can answer here:\n\n{list}",
    persona_chosen="From now on {name} answers here.",
    persona_usual="From now on it is as usual who answers here.",
    models="These models can answer:\n\n{list}\n\nNow: {now}. `!model name` chooses one.",
    model_unknown="I don't have the model “{name}”. These can answer:\n\n{list}",
    model_chosen="From now on {name} answers here.",
    model_usual="From now on the usual model answers here.",
    usual="as usual",
    usage_none="Usage is not counted here.",
    usage_day="Answers today: {answers}; tokens: {tokens}; ${cost}.",
    usage_month="Answers this month: {answers}; tokens: {tokens}; ${cost}.",
    left_day="Left today: ${left}.",
    left_month="Left this month: ${left}.",
    link_code="Your code is **{code}**. Within {minutes} minutes, write `!link {code}` to me where"
    " you want to go on. It works once; show it to nobody.",
    linked="It is you! From now on you are one person to me here and there, and we have one"
    " conversation: go on wherever you like.",
    linked_apart="It is you! From now on you are one person to me here and there. Our conversations"
    " stay apart.",
    link_own="You have that code from here. Write it to me on another platform, or in another"
    " conversation.",
    link_wrong="That code is not valid: it is mistyped, was used, or is more than ten minutes old."
    " `!link`, where you were before, gives a new one.",
    link_shape="That is no code: it has eight letters and digits. `!link`, where you were before,"
    " gives one.",
    link_locked="Those were too many codes that are not valid. Please wait a while before you try"
    " again.",
    unlinked="Here you are a person of your own again, and we start afresh.",
    unread="What you wrote right behind that I have not read: please send it again.",
    unlink_none="You are linked with nothing.",
    export_web="All that was said, also what was cleared, is at `/api/v1/export`, as one file.",
    export_head="The last {count} messages of this conversation:",
    export_more="For all of it, `!link` this with the web and ask for the export there, or ask"
    " whoever runs me.",
    export_none="Nothing was said here yet.",
    you="You",
    me="I",
    forget_ask="This deletes all that we two said, with its files, here and on every platform that"
    " you linked. It can't be undone. Write `!forget yes` if you want that.",
    forgotten="It is done: I have deleted all that we two said, with its files. What was"
    " said in channels stays there.",
    apology="Sorry, I could not answer that just now. Your message is kept; please try again in a"
    " moment. (Reference {reference})",
    interrupted="[The answer broke off here. Ask again to have the rest.]",
    truncated="[The answer reached its longest. Say “continue” to have the rest.]",
    refused="I can't help with that one. Is there something else?",
    file_empty="It is empty.",
    file_kind="I can't open it: I read images (PNG, JPEG, GIF, WebP), PDFs and plain text.",
    file_size="It is too large for me: an image may have 5 MB, a PDF 16 MB, a text 64 kB.",
    file_gone="I could not get it: please send it again.",
    file_refused="It could not be read: it may be damaged, protected or too long.",
    file_unnamed="About the file that you sent: {why}",
    spent_day="You have used up what I may spend on you today. I can answer again tomorrow (UTC).",
    spent_month="You have used up what I may spend on you this month. I can answer again next"
    " month.",
    full_day="I have used up what I may spend today. I can answer again tomorrow (UTC).",
    full_month="I have used up what I may spend this month. I can answer again next month.",
    near="You have used {percent} % of what I may spend on you.",
    too_many="Those were too many messages in a short time. Please wait {seconds} s.",
)
