"""Microsoft Defender for Endpoint metadata as Dagster assets in a Parquet lake."""

__version__ = "0.1.0"
