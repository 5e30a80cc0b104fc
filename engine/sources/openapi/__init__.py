"""OpenAPI documents as files: one for each operation and one for each schema."""

from engine.sources.openapi.catalog import OpenApiCatalog

__all__ = ["OpenApiCatalog"]
