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
        "home": ("Til forsiden", "To the first page"),
    }
)
