"""What the unit tests share."""

from hypothesis import HealthCheck, settings

# A machine with other work on it makes examples slowly: that says nothing about what is tested.
settings.register_profile("lab", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("lab")
