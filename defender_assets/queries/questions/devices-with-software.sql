-- Which devices have a product
-- Table: software_inventory
-- $product, as in chrome: the product, or a part of its name.
SELECT d.device_name, i.software_vendor, i.software_name, i.software_version, d.os_platform, d.last_user, i.device_id
FROM software_inventory AS i
JOIN devices AS d USING (device_id)
WHERE contains(lower(i.software_name), lower(trim($product)))
ORDER BY i.software_name, i.software_version, d.device_name
