from metrics.flat import KEYS, flat_row


def test_the_row_has_every_key_and_null_for_what_is_absent():
    row = flat_row({}.get, 0, 1_700_000_000.0, None)
    assert tuple(row) == KEYS
    assert row["timestamp"] == row["recorded_at"] == "2023-11-14T22:13:20.000Z"
    assert {k for k, v in row.items() if v is not None} == {"timestamp", "recorded_at", "server_id"}


def test_units_are_those_of_the_documents():
    values = {
        "cpu_usage_ratio": 0.4567,
        "memory_used_bytes": 2**30,
        'disk_volume_total_bytes{mount="/"}': 5 * 2**30,
        "network_all_transmit_bytes_total": 3 * 2**20,
        'gpu_usage_ratio{gpu="0"}': 0.5,
        'gpu_usage_ratio{gpu="1"}': 1.0,
        'gpu_memory_used_bytes{gpu="1"}': 2**30,
    }
    row = flat_row(values.get, 2, 0, "OK")
    assert row["cpu_percent"] == 45.67
    assert row["ram_used_mb"] == 1024
    assert row["disk_total_gb"] == 5
    assert row["network_sent_mb"] == 3
    assert row["gpu_util"] == 75
    assert row["gpu_memory_mb"] == 1024
    assert row["health"] == "OK"


def test_the_mean_over_gpus_divides_by_those_that_answered():
    assert flat_row({'gpu_usage_ratio{gpu="1"}': 0.6}.get, 2, 0, "OK")["gpu_util"] == 60
