"""The simulated world: everything one simulator holds in memory."""

from simulator.api.content import ContentCache
from simulator.api.limits import Limiter
from simulator.client import CLIENT_ID, CLIENT_SECRET
from simulator.clock import Clock
from simulator.faults import Faults
from simulator.identifiers import identifier
from simulator.identity.registry import CONNECTING_ROLES, App, User
from simulator.identity.service import Identity
from simulator.ledger import Ledger
from simulator.payroll.clinic import Clinic
from simulator.payroll.generator import ClinicOptions, generate
from simulator.payroll.model import Membership
from simulator.regions.rules import RULES
from simulator.settings import Settings

_PEOPLE = (
    ("Ana", "Whitlam", "STANDARD", True),
    ("Bruno", "Adviser", "FINANCIALADVISER", True),
    ("Ruth", "Desk", "INVOICEONLY", False),
)


class World:
    """A Xero with its apps, users, organisations, clock, faults and ledger."""

    def __init__(self, seed: int = 1, settings: Settings | None = None) -> None:
        self.reset(seed, settings)

    def reset(self, seed: int = 1, settings: Settings | None = None) -> None:
        """Begin anew: nothing of the old world stays."""
        self.seed = seed
        self.settings = settings or Settings()
        self.clock = Clock()
        self.identity = Identity(seed, lambda: self.settings)
        self.limiter = Limiter(lambda: self.settings)
        self.ledger = Ledger(lambda: self.settings.ledger_size)
        self.faults = Faults()
        self.contents = ContentCache(lambda: self.settings.content_bytes)
        self.clinics: dict[str, Clinic] = {}
        self._answers = 0
        self.identity.apps[CLIENT_ID] = App(client_id=CLIENT_ID, client_secret=CLIENT_SECRET, name="Allie")

    def change_settings(self, settings: Settings) -> None:
        """Put other settings in force."""
        self.settings = settings
        self.contents.clear()

    def correlation(self) -> str:
        """An id for the next answer."""
        self._answers += 1
        return identifier(self.seed, "answer", self._answers)

    def add_user(self, first_name: str, last_name: str, email: str) -> User:
        """Register a person."""
        user_id = identifier(self.seed, "user", len(self.identity.users))
        user = User(id=user_id, email=email, first_name=first_name, last_name=last_name)
        self.identity.users[user.id] = user
        return user

    def add_clinic(self, options: ClinicOptions) -> Clinic:
        """
        Make an organisation with its payroll and users.

        Raises:
            ValueError: The seed is taken, or a user is not known.
        """
        seed = options.seed if options.seed is not None else self.seed * 1_000 + len(self.clinics)
        rules = RULES.get(options.region, RULES["AU"])
        clinic = generate(options, rules, seed, self.clock())
        if clinic.organisation.id in self.clinics:
            raise ValueError(f"an organisation with the seed {seed} exists")
        unknown = [user for user in options.users if user not in self.identity.users]
        if unknown:
            raise ValueError(f"no such user: {', '.join(unknown)}")
        for user_id in options.users:
            self.join(clinic, self.identity.users[user_id])
        for first, last, role, admin in () if options.users else _PEOPLE:
            email = f"{first.lower()}@{clinic.organisation.id[:8]}.example"
            self.join(clinic, self.add_user(first, last, email), role, admin=admin)
        self.clinics[clinic.organisation.id] = clinic
        return clinic

    def join(self, clinic: Clinic, user: User, role: str = "STANDARD", *, admin: bool = True) -> None:
        """Make a person a user of an organisation."""
        clinic.members[user.id] = Membership(
            user_id=user.id,
            email=user.email,
            first_name=user.first_name,
            last_name=user.last_name,
            role=role,
            is_subscriber=not clinic.members,
            payroll_admin=admin,
            updated_at=self.clock().replace(microsecond=0),
        )

    def may_connect(self, user_id: str) -> list[Clinic]:
        """The organisations a user may connect: standard users and advisers may."""
        return [c for c in self.clinics.values() if reaches(c, user_id)]


def reaches(clinic: Clinic, user_id: str) -> bool:
    """Whether the user's place in the organisation carries a connection, and the organisation lives."""
    member = clinic.members.get(user_id)
    active = clinic.organisation.status == "ACTIVE"
    return active and member is not None and member.role in CONNECTING_ROLES


def add_demo_data(world: World) -> None:
    """A clinic for each region, with a year of pay runs."""
    for region in RULES:
        world.add_clinic(ClinicOptions(region=region, years=1))  # type: ignore[arg-type]
