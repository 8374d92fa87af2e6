"""Spanish."""

from core.languages.words import Words

WORDS = Words(
    help_intro="Escríbeme y te respondo. Recuerdo lo que se ha dicho en esta conversación.",
    help={
        "help": ("[orden]", "muestra esto, o explica una orden"),
        "new": ("", "empieza esta conversación de nuevo"),
        "stop": ("", "termina una respuesta demasiado larga"),
        "persona": (
            "[nombre]",
            "muestra quién puede responder aquí, o lo elige; `usual` lo deshace",
        ),
        "model": ("[nombre]", "muestra los modelos, o elige uno; `usual` lo deshace"),
        "usage": ("", "muestra lo que has gastado y lo que queda"),
        "link": (
            "[código]",
            (
                "da un código; escrito en otra plataforma demuestra que allí eres la misma persona,"
                " y nuestras conversaciones se hacen una. Con `aparte` detrás del código siguen"
                " aparte"
            ),
        ),
        "unlink": ("", "te hace de nuevo una persona aparte aquí"),
        "export": ("", "te da lo que se ha dicho"),
        "forget": ("", "borra todo lo que hemos hablado, en todas las plataformas vinculadas"),
        "about": ("", "dice qué soy"),
    },
    about="Soy {name} {version}, una IA, no una persona. Mis respuestas vienen de {model} y pueden"
    " ser erróneas.",
    about_demo="Soy {name} {version}, un programa de IA, no una persona. Esto es una demostración:"
    " aquí no responde ningún modelo, solo repito y cuento.",
    about_help="`!ayuda` muestra lo que puedes decirme.",
    fresh="Empezamos de nuevo: lo dicho hasta ahora ya no forma parte de esta conversación.",
    stopped="Detenido.",
    nothing_runs="No hay ninguna respuesta que detener.",
    alone="Eso queda entre nosotros: escríbemelo a solas, no donde otros leen.",
    stranger="Aquí no sé quién eres, así que no puedo hacerlo.",
    personas="Aquí pueden responder:\n\n{list}\n\nAhora: {now}. `!persona nombre` elige.",
    personas_none="Aquí no hay nadie más que pueda responder.",
    persona_unknown="No conozco a «{name}». Aquí pueden responder:\n\n{list}",
    persona_chosen="Desde ahora responde aquí {name}.",
    persona_usual="Desde ahora responde aquí quien lo hace siempre.",
    models="Estos modelos pueden responder:\n\n{list}\n\nAhora: {now}. `!model nombre` elige uno.",
    model_unknown="No tengo el modelo «{name}». Pueden responder:\n\n{list}",
    model_chosen="Desde ahora responde aquí {name}.",
    model_usual="Desde ahora responde aquí el modelo de siempre.",
    usual="como siempre",
    usage_none="Aquí no se cuenta el gasto.",
    usage_day="Respuestas de hoy: {answers}; tokens: {tokens}; ${cost}.",
    usage_month="Respuestas de este mes: {answers}; tokens: {tokens}; ${cost}.",
    left_day="Queda hoy: ${left}.",
    left_month="Queda este mes: ${left}.",
    link_code="Tu código es **{code}**. En los próximos {minutes} minutos, escríbeme `!link {code}`"
    " donde quieras seguir. Vale una vez; no se lo enseñes a nadie.",
    linked="¡Eres tú! Desde ahora eres para mí una sola persona aquí y allí, y tenemos una sola"
    " conversación: sigue donde quieras.",
    linked_apart="¡Eres tú! Desde ahora eres para mí una sola persona aquí y allí. Nuestras"
    " conversaciones siguen aparte.",
    link_own="Ese código lo tienes de aquí. Escríbemelo en otra plataforma o en otra conversación.",
    link_wrong="Ese código no vale: está mal escrito, ya se usó o tiene más de diez minutos."
    " `!link`, donde estabas antes, da uno nuevo.",
    link_shape="Eso no es un código: tiene ocho letras y cifras. `!link`, donde estabas antes, da"
    " uno.",
    link_locked="Han sido demasiados códigos que no valen. Espera un rato antes de volver a"
    " intentarlo.",
    unlinked="Aquí eres de nuevo una persona aparte, y empezamos de nuevo.",
    unread="No he leído lo que escribiste justo después: por favor, envíalo de nuevo.",
    unlink_none="No estás vinculado con nada.",
    export_web="Todo lo que se ha dicho, también lo que se limpió, está en `/api/v1/export`, en un"
    " archivo.",
    export_head="Los últimos {count} mensajes de esta conversación:",
    export_more="Para tenerlo todo, vincula esto con la web (`!link`) y pide allí la exportación, o"
    " pregunta a quien me administra.",
    export_none="Aquí aún no se ha dicho nada.",
    you="Tú",
    me="Yo",
    forget_ask="Esto borra todo lo que hemos hablado, con sus archivos, aquí y en cada plataforma"
    " que vinculaste. No se puede deshacer. Escribe `!forget yes` si lo quieres.",
    forgotten="Hecho: he borrado todo lo que hemos hablado, con sus archivos. Lo dicho en"
    " canales queda allí.",
    apology="Lo siento, ahora mismo no he podido responder. Tu mensaje está guardado; inténtalo de"
    " nuevo en un momento. (Referencia {reference})",
    interrupted="[La respuesta se cortó aquí. Pregunta otra vez para tener el resto.]",
    truncated="[La respuesta llegó a su máximo. Di «continúa» para tener el resto.]",
    refused="Con eso no puedo ayudar. ¿Hay algo más?",
    file_empty="Está vacío.",
    file_kind="No puedo abrirlo: leo imágenes (PNG, JPEG, GIF, WebP), PDF y texto sin formato.",
    file_size="Es demasiado grande para mí: una imagen puede tener 5 MB, un PDF 16 MB, un"
    " texto 64 kB.",
    file_gone="No pude obtenerlo: envíalo otra vez, por favor.",
    file_refused="No se pudo leer: quizá está dañado, protegido o es demasiado largo.",
    file_unnamed="Sobre el archivo que enviaste: {why}",
    spent_day="Se ha agotado lo que puedo gastar hoy contigo. Mañana (UTC) podré responder de"
    " nuevo.",
    spent_month="Se ha agotado lo que puedo gastar este mes contigo. El mes que viene podré"
    " responder de nuevo.",
    full_day="Se ha agotado lo que puedo gastar hoy. Mañana (UTC) podré responder de nuevo.",
    full_month="Se ha agotado lo que puedo gastar este mes. El mes que viene podré responder de"
    " nuevo.",
    near="Has gastado el {percent} % de lo que puedo gastar contigo.",
    too_many="Han sido demasiados mensajes en poco tiempo. Espera {seconds} s, por favor.",
)
