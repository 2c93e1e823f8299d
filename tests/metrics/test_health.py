from config.limits import HealthLimits
from metrics.health import judge, level

LIMITS = HealthLimits()


def test_a_limit_is_met_when_it_is_reached():
    assert level("cpu_usage_ratio", 0.84, LIMITS) == ("OK", 85)
    assert level("cpu_usage_ratio", 0.85, LIMITS) == ("WARNING", 85)
    assert level("cpu_usage_ratio", 0.95, LIMITS) == ("CRITICAL", 95)


def test_absent_and_unjudged_values_have_no_level():
    assert level("cpu_usage_ratio", None, LIMITS) is None
    assert level("cpu_load1", 99, LIMITS) is None


def test_the_worst_reason_comes_first_and_decides():
    health, reasons = judge(
        [
            ("cpu_usage_ratio", (), 0.9),
            ("disk_volume_used_ratio", (("mount", "/"),), 0.99),
            ("gpu_temperature_celsius", (("gpu", "0"),), 40),
        ],
        LIMITS,
    )
    assert health == "CRITICAL"
    assert [r.metric for r in reasons] == ["disk_volume_used_ratio", "cpu_usage_ratio"]
    assert reasons[0].value == 99 and reasons[0].limit == 95


def test_nothing_to_judge_is_ok():
    assert judge([], LIMITS) == ("OK", [])
