"""What Vigie's own metrics are called in a few words, for charts and messages."""

from __future__ import annotations


def N_(text: str) -> str:  # noqa: N802 - the customary name of the mark that message extraction looks for
    """``text`` itself, marked for translation where it is shown."""
    return text


NAMES: dict[str, str] = {
    "cpu_usage_ratio": N_("CPU use"), "cpu_core_usage_ratio": N_("CPU use"), "cpu_mode_ratio": N_("CPU time"),
    "cpu_load1": N_("Load, 1 minute"), "cpu_load5": N_("Load, 5 minutes"), "cpu_load15": N_("Load, 15 minutes"),
    "cpu_frequency_hertz": N_("CPU clock"), "cpu_context_switches_per_second": N_("Context switches"),
    "cpu_cores": N_("Cores"), "cpu_limit_cores": N_("Limit of cores"), "system_uptime_seconds": N_("Uptime"),
    "memory_total_bytes": N_("Size of memory"), "memory_used_bytes": N_("Memory used"),
    "memory_available_bytes": N_("Memory available"), "memory_free_bytes": N_("Memory free"),
    "memory_cached_bytes": N_("File cache"), "memory_buffers_bytes": N_("Buffers"),
    "memory_used_ratio": N_("Memory use"), "swap_total_bytes": N_("Size of swap"), "swap_used_bytes": N_("Swap used"),
    "swap_in_bytes_per_second": N_("Read from swap"), "swap_out_bytes_per_second": N_("Written to swap"),
    "disk_volume_used_bytes": N_("Space used"), "disk_volume_free_bytes": N_("Space free"),
    "disk_volume_total_bytes": N_("Size of volume"), "disk_volume_used_ratio": N_("Use of volume"),
    "disk_read_bytes_per_second": N_("Read from disk"), "disk_write_bytes_per_second": N_("Written to disk"),
    "disk_reads_per_second": N_("Disk reads"), "disk_writes_per_second": N_("Disk writes"),
    "disk_busy_ratio": N_("Disk busy"), "disk_service_time_seconds": N_("Time of a disk request"),
    "network_receive_bytes_per_second": N_("Network in"), "network_transmit_bytes_per_second": N_("Network out"),
    "network_receive_packets_per_second": N_("Packets in"), "network_transmit_packets_per_second": N_("Packets out"),
    "network_receive_errors_per_second": N_("Errors in"), "network_transmit_errors_per_second": N_("Errors out"),
    "network_receive_drops_per_second": N_("Drops in"), "network_transmit_drops_per_second": N_("Drops out"),
    "network_up": N_("Network up"), "network_speed_bytes_per_second": N_("Speed of the link"),
    "network_all_receive_bytes_per_second": N_("All network in"),
    "network_all_transmit_bytes_per_second": N_("All network out"),
    "sensor_temperature_celsius": N_("Temperature"), "sensor_fan_rpm": N_("Fan speed"),
    "pressure_some_ratio": N_("Something waited"), "pressure_full_ratio": N_("Everything waited"),
    "gpu_usage_ratio": N_("GPU use"), "gpu_memory_used_bytes": N_("GPU memory used"),
    "gpu_memory_total_bytes": N_("Size of GPU memory"), "gpu_memory_used_ratio": N_("Use of GPU memory"),
    "gpu_temperature_celsius": N_("GPU temperature"), "gpu_power_watts": N_("GPU power"),
    "gpu_power_limit_watts": N_("GPU power limit"), "gpu_sm_clock_hertz": N_("GPU clock"),
    "gpu_memory_clock_hertz": N_("GPU memory clock"), "gpu_fan_ratio": N_("GPU fan"),
    "gpu_pcie_receive_bytes_per_second": N_("PCIe in"), "gpu_pcie_transmit_bytes_per_second": N_("PCIe out"),
    "gpu_throttled": N_("GPU held back"), "gpu_ecc_errors_per_second": N_("GPU memory errors"),
    "vigie_collector_duration_seconds": N_("Time of a scrape"), "vigie_collector_status": N_("Outcome of a scrape"),
    "vigie_ring_write_seconds": N_("Time of a write to the ring"),
    "vigie_archive_write_seconds": N_("Time of a write to the archive"), "vigie_viewers": N_("Live viewers"),
    "vigie_memory_bytes": N_("Memory of Vigie"), "vigie_cpu_ratio": N_("CPU use of Vigie"),
    "vigie_buffered_ticks": N_("Ticks that wait"), "vigie_part_up": N_("Part of Vigie works"),
    "vigie_part_started": N_("Part of Vigie has come up"),
    "vigie_config_valid": N_("Configuration file is good"),
    "vigie_config_reloads_per_second": N_("Changes of configuration taken up"),
    "vigie_config_rejections_per_second": N_("Changes of configuration refused"),
    "vigie_notifications_waiting": N_("Notifications that wait"),
    "vigie_notifications_oldest_seconds": N_("Age of the oldest notification that waits"),
    "vigie_notifications_sent_per_second": N_("Notifications sent"),
    "vigie_notifications_failed_per_second": N_("Notifications not taken"),
}
"""Those that have a history. A test compares them with what is collected."""
