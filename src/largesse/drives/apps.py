"""The drives app; it shows itself on pages of the apps below by filling their slots."""

from django.apps import AppConfig


class DrivesConfig(AppConfig):
    name = "largesse.drives"
    label = "drives"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Fill the slots."""
        from largesse.drives.strip import foot, place, strip  # Models exist only once all apps are loaded.
        from largesse.kit.slots import fill_slot

        fill_slot("page.strip", strip)
        fill_slot("mast.places", place)
        fill_slot("foot.site", foot)
