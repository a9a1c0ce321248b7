-- Which versions of a product are installed
-- Table: software_versions
-- $product, as in chrome: the product, or a part of its name.
SELECT software_vendor, software_name, software_version, devices, product_pct, weaknesses, support
FROM software_versions
WHERE contains(lower(software_name), lower(trim($product)))
ORDER BY software_vendor, software_name, devices DESC, software_version
