"""What the pages say, Norwegian (bokmål) and English: one literal table. ``{name}`` is filled in by the page."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from hub.web.citizen.vocabulary import Said

WORDS: Final[Mapping[str, Said]] = MappingProxyType(
    {
        "title": ("Mine helsemeldinger", "My health messages"),
        "skip": ("Gå til innholdet", "Skip to the content"),
        "menu": ("Meny", "Menu"),
        "nb": ("Norsk", "Norsk"),
        "en": ("English", "English"),
        "language": ("Språk", "Language"),
        "logged_in_as": ("Logget inn som {name}", "Logged in as {name}"),
        "logged_in": ("Logget inn", "Logged in"),
        "log_out": ("Logg ut", "Log out"),
        "log_in": ("Logg inn", "Log in"),
        "acting_for": ("Du ser siden på vegne av {name}", "You see the page on behalf of {name}"),
        "the_patient": ("en annen", "somebody else"),
        "stop_acting": ("Gå tilbake til deg selv", "Go back to yourself"),
        "footer": (
            "Siden viser det som er gått gjennom regionens meldingsknutepunkt. Journalen din ligger hos dem som behandler deg.",
            "This page shows what has passed the region's message hub. Your record is with those who treat you.",
        ),
        "nav_pathway": ("Mitt forløp", "My pathway"),
        "nav_shared": ("Hvem har fått", "Who received it"),
        "nav_access": ("Hvem kan få", "Who may have it"),
        "nav_notices": ("Varsler", "Notices"),
        "nav_acting": ("På vegne av", "Acting for others"),
        # welcome
        "welcome_lead": (
            "Her ser du hva som er meldt om deg mellom sykehus, fastlege og kommune, hvem som har fått det og hvorfor. Du bestemmer selv hvem som skal holdes utenfor.",
            "Here you see what hospitals, your doctor and your municipality have told each other about you, who received it and why. You decide who is to be kept out.",
        ),
        "welcome_closed": (
            "Innlogging er ikke satt opp her. Driften må oppgi en innloggingstjeneste (HUB_OIDC_ISSUER).",
            "Login is not set up here. The operator must name a login service (HUB_OIDC_ISSUER).",
        ),
        "why_refused": ("Innloggingen ble avbrutt eller avvist. Prøv igjen.", "The login was cancelled or refused. Try again."),
        "why_provider": (
            "Innloggingstjenesten svarte ikke som den skulle. Prøv igjen om litt.",
            "The login service did not answer as it should. Try again in a while.",
        ),
        "why_identity": (
            "Innloggingstjenesten oppga ikke et fødselsnummer som kan brukes her.",
            "The login service gave no national number that can be used here.",
        ),
        "why_stale": ("Innloggingen tok for lang tid. Begynn på nytt.", "The login took too long. Begin again."),
        # errors
        "error_title": ("Det gikk ikke", "That did not work"),
        "error_400": ("Siden forstod ikke forespørselen.", "The page did not understand the request."),
        "error_403": (
            "Dette kan ikke gjøres herfra. Gå til siden på nytt og prøv igjen.",
            "This cannot be done from here. Open the page anew and try again.",
        ),
        "error_404": ("Siden finnes ikke.", "There is no such page."),
        "error_409": ("Noe annet endret det samme samtidig. Se på nytt.", "Something else changed the same just now. Look again."),
        "error_422": ("Valgene kan ikke brukes sammen.", "The choices cannot be used together."),
        "error_429": ("Det kom for mange forespørsler. Vent litt.", "There were too many requests. Wait a little."),
        "error_500": ("Noe gikk galt hos oss. Det er registrert.", "Something went wrong with us. It has been counted."),
        "error_503": (
            "En tjeneste svarer ikke akkurat nå. Hvis du nettopp endret en sperre, kan den gjelde allerede: se etter når siden virker igjen.",
            "A service does not answer just now. If you just changed a lock it may be in force: look again when the page works.",
        ),
        # what is closed
        "closed_protected": (
            "Den ene av dere har adressesperre. Da kan ingen representeres digitalt.",
            "One of you has a protected address. Then nobody can be represented digitally.",
        ),
        "closed_unknown": (
            "Fødselsdatoen er ikke kjent. I tvil vises ingenting.",
            "The date of birth is not known. In doubt nothing is shown.",
        ),
        "closed_withheld": (
            "Barnet ønsker ikke at foreldrene ser opplysningene.",
            "The child does not want its parents to see the information.",
        ),
        "closed_other": ("Opplysningene kan ikke vises her nå.", "The information cannot be shown here now."),
        "closed_age": (
            "Alderen gjør at opplysningene ikke vises her. Spør dem som gir helsehjelpen om innsyn.",
            "Because of the age the information is not shown here. Ask those who give the care.",
        ),
        # who received
        "shared_title": ("Hvem har fått opplysninger om meg?", "Who received information about me?"),
        "shared_lead": (
            "Hver melding om deg, hvem som fikk den, når og hvorfor. Det du har sperret for, ble holdt tilbake.",
            "Every message about you, who got it, when and why. What you have locked was withheld.",
        ),
        "shared_withheld": ("Vis bare det som ble holdt tilbake på grunn av meg", "Show only what was withheld because of me"),
        "shared_all": ("Vis alt", "Show everything"),
        "shared_none": ("Ingen meldinger om deg har gått gjennom her ennå.", "No message about you has passed here yet."),
        "shared_none_withheld": (
            "Ingenting er holdt tilbake på grunn av sperrene dine.",
            "Nothing has been withheld because of your locks.",
        ),
        "shared_hidden": ("Opplysninger som ikke vises her", "Information that is not shown here"),
        "shared_nobody": ("Ingen andre fikk den.", "Nobody else got it."),
        "shared_detail": ("fikk vite {detail}", "was told {detail}"),
        "shared_because": ("Mottakeren:", "The recipient:"),
        "shared_too_late": (
            "Den var alt på vei da sperren din trådte i kraft, og kan ikke kalles tilbake.",
            "It was already under way when your lock came into force, and cannot be called back.",
        ),
        "from_at": ("Fra {source}, {at}", "From {source}, {at}"),
        # who may have it
        "access_title": ("Hvem kan få opplysninger om meg?", "Who may receive information about me?"),
        "access_lead": (
            "De som gir deg helsehjelp kan få det de trenger, hvis du ikke motsetter deg det. Her kan du sperre.",
            "Those who treat you may receive what they need unless you object. Here you can lock.",
        ),
        "locks_title": ("Det som gjelder", "What is in force"),
        "locks_none": ("Du har ingen sperrer.", "You have no locks."),
        "tag_lock": ("Sperre", "Lock"),
        "tag_later": ("Gjelder senere", "In force later"),
        "tag_permit": ("Tillatelse", "Permission"),
        "everyone": ("alle", "everyone"),
        "lock_denies": ("Sperret for {whom}: {what}.", "Locked for {whom}: {what}."),
        "lock_permits": ("Tillatt for {whom}: {what}.", "Permitted for {whom}: {what}."),
        "lock_other": (
            "En bestemmelse som er skrevet et annet sted, med flere vilkår enn denne siden har ord for.",
            "A decision written elsewhere, with more conditions than this page has words for.",
        ),
        "lock_from": ("Fra og med {day}.", "From and including {day}."),
        "lock_to": ("Til og med {day}.", "Up to and including {day}."),
        "lock_always": ("Til du opphever det.", "Until you lift it."),
        "lift": ("Opphev", "Lift"),
        "withdraw": ("Trekk tilbake", "Withdraw"),
        "lift_what": ("Opphev: {what}", "Lift: {what}"),
        "new_lock": ("Ny sperre", "A new lock"),
        "whom_title": ("Hvem skal holdes utenfor?", "Who is to be kept out?"),
        "whom_one": ("Én virksomhet", "One organisation"),
        "whom_which": ("Hvilken virksomhet", "Which organisation"),
        "whom_everyone": ("Alle", "Everyone"),
        "choose": ("Velg …", "Choose …"),
        "what_title": ("Hva skal sperres?", "What is to be locked?"),
        "when_title": ("Når skal det gjelde?", "When is it to hold?"),
        "when_about": (
            "La feltene stå tomme hvis det skal gjelde fra nå og til du opphever det.",
            "Leave these empty if it is to hold from now until you lift it.",
        ),
        "when_first": ("Fra og med", "From and including"),
        "when_last": ("Til og med", "Up to and including"),
        "see_effect": ("Se hva det endrer", "See what it changes"),
        "nothing_yet": (
            "Ingenting endres før du har bekreftet på neste side.",
            "Nothing changes before you have confirmed on the next page.",
        ),
        "wrong_provider": ("Velg en virksomhet, eller alle.", "Choose an organisation, or everyone."),
        "wrong_sort": (
            "Denne typen opplysninger kan ikke sperres for seg her.",
            "This kind of information cannot be locked by itself here.",
        ),
        "wrong_first": ("Den første dagen er ikke en dato.", "The first day is no date."),
        "wrong_last": (
            "Den siste dagen må komme etter den første, og kan ikke være over.",
            "The last day must come after the first, and may not be over.",
        ),
        "wrong_other": ("Dette kan ikke sperres slik her.", "This cannot be locked like that here."),
        "preview_title": ("Dette vil sperren endre", "What the lock will change"),
        "preview_lift": ("Dette endrer seg hvis du opphever", "What changes if you lift it"),
        "preview_already": ("Dette gjelder allerede.", "This is in force already."),
        "preview_effect": ("Om det hadde vært slik de siste {days} dagene", "Had it been so the last {days} days"),
        "effect_loses": ("Ville ikke fått {count} meldinger.", "Would not have received {count} messages."),
        "effect_loses_one": ("Ville ikke fått én melding.", "Would not have received one message."),
        "effect_gains_one": ("Ville fått én melding til.", "Would have received one more message."),
        "effect_gains": ("Ville fått {count} meldinger til.", "Would have received {count} more messages."),
        "effect_loses_part": (
            "Ville fått {count} meldinger uten en del av innholdet.",
            "Would have received {count} messages without a part of the content.",
        ),
        "effect_loses_part_one": (
            "Ville fått én melding uten en del av innholdet.",
            "Would have received one message without a part of the content.",
        ),
        "effect_gains_part": ("Ville fått mer av {count} meldinger.", "Would have received more of {count} messages."),
        "effect_gains_part_one": ("Ville fått mer av én melding.", "Would have received more of one message."),
        "effect_none": (
            "Ingen meldinger de siste {days} dagene ville vært annerledes.",
            "No message of the last {days} days would have been otherwise.",
        ),
        "note_recall": ("Det som alt er mottatt, kan ikke kalles tilbake.", "What has been received cannot be called back."),
        "note_own": (
            "De som skrev opplysningene, har dem fortsatt i egen journal.",
            "Those who wrote the information still have it in their own record.",
        ),
        "note_emergency": (
            "I nødsfall kan helsepersonell slå opp likevel. Da skal det begrunnes og skrives ned.",
            "In an emergency personnel may look all the same. It must then be given a reason and written down.",
        ),
        "note_released": ("Det som er holdt tilbake til nå, blir sendt.", "What has been withheld until now is sent."),
        "note_lift": (
            "Det som er holdt tilbake til nå, blir ikke sendt av seg selv.",
            "What has been withheld until now is not sent by itself.",
        ),
        "confirm_lock": ("Ja, sperr", "Yes, lock"),
        "confirm_lift": ("Ja, opphev", "Yes, lift it"),
        "back_out": ("Nei, gå tilbake", "No, go back"),
        "in_force_title": ("Sperren gjelder", "The lock is in force"),
        "in_force_at": (
            "Den trådte i kraft {at}. Ingen sending som den stanser, begynner etter dette.",
            "It came into force on {at}. No sending that it stops begins after this.",
        ),
        "later_title": ("Sperren er lagret", "The lock is kept"),
        "later_from": (
            "Den gjelder fra og med {day}. Til da blir alt sendt som før.",
            "It holds from {day}, that day included. Until then everything is sent as before.",
        ),
        "lifted_title": ("Opphevet", "Lifted"),
        "lifted_at": ("Det trådte i kraft {at}.", "It came into force on {at}."),
        "under_way_title": ("Dette var alt på vei", "This was already under way"),
        "under_way_about": (
            "Disse meldingene hadde forlatt knutepunktet, eller kan ha gjort det, da sperren kom. De kan ikke kalles tilbake.",
            "These messages had left the hub, or may have, when the lock came. They cannot be called back.",
        ),
        "under_way_one": ("{what}, til {to}", "{what}, to {to}"),
        "under_way_none": ("Ingenting var på vei til noen den holder utenfor.", "Nothing was under way to anybody it keeps out."),
        "to_locks": ("Til sperrene", "To the locks"),
        # my pathway
        "ahead_title": ("Det neste", "What comes next"),
        "ahead_appointment": ("Du har time {at}", "You have an appointment {at}"),
        "ahead_notice": ("Kommunen skal ha beskjed om innleggelsen innen {at}", "Your municipality is to be told of the admission by {at}"),
        "ahead_notice_late": (
            "Kommunen skulle hatt beskjed om innleggelsen innen {at}",
            "Your municipality should have been told of the admission by {at}",
        ),
        "stays_title": ("Opphold og besøk", "Stays and visits"),
        "stay_from": ("Fra", "From"),
        "stay_ready": ("Utskrivningsklar", "Ready for discharge"),
        "stay_until": ("Til", "Until"),
        "happened_title": ("Dette har skjedd", "What has happened"),
        "older": ("Eldre meldinger", "Older messages"),
        "read_it": ("Les meldingen", "Read the message"),
        "take_title": ("Ta det med deg", "Take it along"),
        "take_pdf": ("Last ned som PDF", "Download as PDF"),
        "take_fhir": ("Last ned som FHIR (JSON)", "Download as FHIR (JSON)"),
        "pdf_title": ("Forløpet til {name}", "The pathway of {name}"),
        "pdf_about": (
            "Hentet {at}. Dette er gått gjennom regionens meldingsknutepunkt; journalen ligger hos dem som gir helsehjelpen.",
            "Fetched {at}. This has passed the region's message hub; the record is with those who give the care.",
        ),
        "pdf_latest": (
            "Det er de {count} siste meldingene; eldre meldinger finnes på siden.",
            "These are the latest {count} messages; older ones are on the page.",
        ),
        # acting for others
        "acting_lead": (
            "Foreldre kan se for barn under 12 år, og den som har fullmakt, for den som har gitt den. Opplysningene kommer fra folkeregisteret eller fullmakten.",
            "Parents see for children under 12, and an attorney for who gave the power. This comes from the population register or the power of attorney.",
        ),
        "acting_none": ("Du kan ikke opptre på vegne av noen her.", "You may not act for anybody here."),
        "basis_parent": ("Barn", "Child"),
        "basis_attorney": ("Fullmakt", "Power of attorney"),
        "act_for": ("Se for {name}", "See for {name}"),
        # notices
        "notices_lead": (
            "Du kan få beskjed når noen har mottatt opplysninger om deg. Beskjeden sier bare at det har skjedd; hva og hvem ser du her.",
            "You can be told when somebody has received information about you. The notice says only that it happened; what and who you see here.",
        ),
        "notices_how": ("Hvordan vil du få beskjed?", "How do you want to be told?"),
        "notices_none": ("Ikke i det hele tatt", "Not at all"),
        "notices_email": ("Med e-post", "By e-mail"),
        "notices_webhook": ("Med et anrop til en nettadresse (webhook)", "By a call to a web address (webhook)"),
        "notices_address": ("E-postadresse eller nettadresse", "E-mail address or web address"),
        "notices_saved": ("Lagret.", "Saved."),
        "logins_title": ("Hvor du er logget inn", "Where you are logged in"),
        "logins_one": ("Logget inn {started}, sist brukt {seen}.", "Logged in {started}, last used {seen}."),
        "logins_this": ("Det er denne nettleseren.", "It is this browser."),
        "log_out_everywhere": ("Logg ut overalt", "Log out everywhere"),
        "save": ("Lagre", "Save"),
        "wrong_email": ("Skriv én e-postadresse.", "Write one e-mail address."),
        "wrong_webhook": (
            "Skriv en nettadresse som begynner med https:// og er åpen på internett.",
            "Write a web address that begins with https:// and is open on the internet.",
        ),
        "wrong_channel": ("Velg hvordan du vil få beskjed.", "Choose how you want to be told."),
        "mail_subject": ("Noen har mottatt opplysninger om deg", "Somebody has received information about you"),
        "mail_text": (
            "Noen har mottatt opplysninger om deg. Logg inn for å se hvem, hva og hvorfor:\n\n{page}\n\nDu får denne beskjeden fordi du har bedt om det. Slå den av på samme sted.\n",
            "Somebody has received information about you. Log in to see who, what and why:\n\n{page}\n\nYou get this because you asked for it. Turn it off in the same place.\n",
        ),
        # to those who look after emergency access
        "supervisor_subject": ("Nødrettstilgang er åpnet ved {organisation}", "Emergency access was opened at {organisation}"),
        "supervisor_text": (
            "{who} ved {organisation} åpnet nødrettstilgang {opened}. Den varer til {until} om ingen lukker den før.\n\nTilgang: {access}\nSe begrunnelsen, eller lukk den: {address}\n",
            "{who} at {organisation} opened emergency access on {opened}. It lasts until {until} unless somebody closes it before.\n\nAccess: {access}\nSee the reason, or close it: {address}\n",
        ),
        "home": ("Til forsiden", "To the first page"),
    }
)
